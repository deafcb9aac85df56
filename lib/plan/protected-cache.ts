import { CfnResource } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { alarmsUnder } from '../alarm/unheard-alarms';
import { CacheBackups, type CacheBackupsProps } from '../cache/cache-backups';
import { CacheExport, type CacheExportOptions } from '../cache/cache-export';
import { CacheSnapshots, type CacheSnapshotsOptions } from '../cache/cache-snapshots';
import type { CacheSource } from '../cache/cache-source';
import { checkProps, type PropsOf, requireKind } from '../synth/props';

export interface ProtectedCacheOptions extends CacheBackupsProps {
  /** What is protected: of this app or imported. Settings of an imported one are its owner's. */
  readonly cache: CacheSource;
}

const PROPS: PropsOf<ProtectedCacheOptions> = {
  cache: true,
  window: true,
  retention: true,
  snapshottingClusterId: true,
  finalSnapshotName: true,
};

/** A cache under a plan. */
export class ProtectedCache extends Construct {
  /** What is protected. */
  public readonly cache: CacheSource;

  /** Use `plan.addCache()`. */
  constructor(scope: Construct, id: string, options: ProtectedCacheOptions) {
    super(scope, id);
    checkProps(this, options, PROPS);
    requireKind(
      `cache '${this.node.path}'`,
      'cache',
      options?.cache,
      'target',
      'nothing would be protected; pass one, as in CacheSource.replicationGroup(sessions)',
    );
    const { cache, ...backups } = options;
    this.cache = cache;
    if (CfnResource.isCfnResource(cache.cache)) {
      cache.cache.with(new CacheBackups(backups));
      return;
    }
    const asked = Object.entries(backups).filter(([, value]) => value !== undefined);
    if (asked.length === 0) return;
    throw new Error(
      `cache '${this.node.path}': ${asked.map(([name]) => `'${name}'`).join(', ')} of an imported cache can't be set here, so it ` +
        'would stay as it is; apply CacheBackups where the cache is made, and leave it out here',
    );
  }

  /** Takes snapshots more often than daily. Alarms and age are those of the construct that this returns. */
  public addSnapshots(id: string, options: CacheSnapshotsOptions): CacheSnapshots {
    return new CacheSnapshots(this, id, { ...options, cache: this.cache });
  }

  /** Exports it to a bucket, the plan's archive by default. */
  public addExport(id: string, options: CacheExportOptions = {}): CacheExport {
    return new CacheExport(this, id, { ...options, cache: this.cache });
  }

  /** Alarms of all that lies under it. */
  public get alarms(): cloudwatch.Alarm[] {
    return alarmsUnder(this);
  }
}
