import { Annotations, CfnResource, type IAspect, Token } from 'aws-cdk-lib';
import type * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { coveredBy } from '../synth/coverage';

interface Kind {
  readonly what: string;
  readonly remedy: string;
  /**
   * Whether a resource of this type holds nothing that could be backed up.
   *
   * @default - all hold something
   */
  readonly exempt?: (resource: CfnResource) => boolean;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'AWS::RDS::DBInstance': {
    what: 'database',
    remedy: 'put it under a ProtectionPlan, or apply DatabaseBackups to it',
    // Replicas and members of a cluster hold what their source does; that is what has to be covered.
    exempt: (resource) => {
      const { sourceDbInstanceIdentifier, sourceDbClusterIdentifier, dbClusterIdentifier } =
        resource as rds.CfnDBInstance;
      return [sourceDbInstanceIdentifier, sourceDbClusterIdentifier, dbClusterIdentifier].some(Boolean);
    },
  },
  'AWS::RDS::DBCluster': {
    what: 'database cluster',
    remedy: 'apply DatabaseBackups to it, or select it in a plan of AWS Backup',
    exempt: (resource) => Boolean((resource as rds.CfnDBCluster).replicationSourceIdentifier),
  },
  'AWS::ElastiCache::ReplicationGroup': { what: 'cache', remedy: 'apply CacheBackups to it' },
  'AWS::ElastiCache::CacheCluster': {
    what: 'cache',
    remedy: 'apply CacheBackups to it',
    // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups.html: Memcached only when serverless
    exempt: (resource) => isMemcached((resource as elasticache.CfnCacheCluster).engine),
  },
  'AWS::ElastiCache::ServerlessCache': { what: 'cache', remedy: 'apply CacheBackups to it' },
  'AWS::S3::Bucket': { what: 'bucket', remedy: 'apply BucketBackups to it, or select it in a plan of AWS Backup' },
};

/**
 * Warns of each database, cache and bucket that nothing of Lifeboat looks after.
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
    const kind = KINDS[node.cfnResourceType];
    if (!kind || kind.exempt?.(node) || coveredBy(node).length > 0) return;
    Annotations.of(node).addWarningV2(
      'lifeboat:unprotected',
      `${kind.what} '${node.node.path}' is covered by nothing, so what it holds is lost when it is; ${kind.remedy}, or ` +
        `acknowledge this with the reason why it may be lost`,
    );
  }
}

function isMemcached(engine: string): boolean {
  return !Token.isUnresolved(engine) && engine.toLowerCase() === 'memcached';
}
