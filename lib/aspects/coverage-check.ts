import { Annotations, CfnResource, type IAspect } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { coveredBy } from '../synth/coverage';
import { DATA_STORES } from './data-stores';

/**
 * Warns of each resource that holds data and that nothing of Lifeboat looks after: databases and clusters of every engine,
 * tables, caches, file systems, volumes, servers, search domains and buckets.
 *
 * It reads only. Add it last, to the app: `Aspects.of(app).add(new CoverageCheck(), { priority: AspectPriority.READONLY })`.
 * What may be lost is acknowledged where it is made, with the reason:
 * `Annotations.of(bucket).acknowledgeWarning('lifeboat:unprotected', 'thumbnails, made again on demand')`.
 *
 * It sees what this app makes. What was made elsewhere, and what plans of AWS Backup select by tag, it can't tell.
 */
export class CoverageCheck implements IAspect {
  public visit(node: IConstruct): void {
    if (!CfnResource.isCfnResource(node)) return;
    const kind = DATA_STORES[node.cfnResourceType];
    if (!kind || kind.exempt?.(node) || coveredBy(node).length > 0) return;
    Annotations.of(node).addWarningV2(
      'lifeboat:unprotected',
      `${kind.what} '${node.node.path}' is covered by nothing, so what it holds is lost when it is; ${kind.remedy}, or ` +
        `acknowledge this with the reason why it may be lost`,
    );
  }
}
