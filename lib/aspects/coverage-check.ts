import { Annotations, CfnResource, type IAspect } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { coveredBy } from '../synth/coverage';
import { DATA_STORES } from './data-stores';

/**
 * Warns of each resource that holds data and that Lifeboat does not protect: databases and clusters of every engine,
 * tables, caches, file systems, volumes, servers, search domains and buckets.
 *
 * It changes nothing. Add it last, to the app: `Aspects.of(app).add(new CoverageCheck(), { priority: AspectPriority.READONLY })`.
 * Acknowledge data that may be lost where the resource is made, with the reason:
 * `Annotations.of(bucket).acknowledgeWarning('lifeboat:unprotected', 'thumbnails, made again on demand')`.
 *
 * It sees only resources of this app, and not which of them AWS Backup plans select by tag.
 */
export class CoverageCheck implements IAspect {
  public visit(node: IConstruct): void {
    if (!CfnResource.isCfnResource(node)) return;
    const kind = DATA_STORES[node.cfnResourceType];
    if (!kind || kind.exempt?.(node) || coveredBy(node).length > 0) return;
    Annotations.of(node).addWarningV2(
      'lifeboat:unprotected',
      `${kind.what} '${node.node.path}' is not backed up by anything here, so its data is lost with it; ${kind.remedy}, or ` +
        `acknowledge this and say why it may be lost`,
    );
  }
}
