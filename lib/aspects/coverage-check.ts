import { Annotations, CfnResource, type IAspect } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { coveredBy } from '../synth/coverage';
import { DATA_STORES } from './data-stores';

/**
 * Warns of each resource that holds data and that nothing of Lifeboat backs up: databases and clusters of every engine,
 * tables, caches, file systems, volumes, servers, search domains and buckets.
 *
 * It changes nothing. Add it last, to the app:
 * `Aspects.of(app).add(new CoverageCheck(), { priority: AspectPriority.READONLY })`.
 * Acknowledge the warning of a resource whose data may be lost, with the reason:
 * `Annotations.of(bucket).acknowledgeWarning('lifeboat:unprotected', 'thumbnails, made again on demand')`.
 *
 * It sees only resources of this app. It can't see imported ones, or those that plans of AWS Backup select by tag.
 */
export class CoverageCheck implements IAspect {
  public visit(node: IConstruct): void {
    if (!CfnResource.isCfnResource(node)) return;
    const kind = DATA_STORES[node.cfnResourceType];
    if (!kind || kind.exempt?.(node) || coveredBy(node).length > 0) return;
    Annotations.of(node).addWarningV2(
      'lifeboat:unprotected',
      `nothing here backs up ${kind.what} '${node.node.path}', so its data is lost with it; ${kind.remedy}, or acknowledge ` +
        'this with the reason why its data may be lost',
    );
  }
}
