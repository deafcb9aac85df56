/** One S3 bucket with versions and Object Lock; kept in memory. */
import { createHash, randomBytes } from 'node:crypto';
import { CallError } from '../server/call';

export type LockMode = 'GOVERNANCE' | 'COMPLIANCE';

export interface Retention {
  readonly mode: LockMode;
  readonly until: Date;
}

export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  readonly modified: Date;
  /** Undefined in a delete marker. */
  readonly content: Buffer | undefined;
  readonly etag: string;
  /** Headers that are returned unchanged. */
  readonly headers: Readonly<Record<string, string>>;
  retention: Retention | undefined;
  legalHold: boolean;
}

export class Bucket {
  public readonly created = new Date();
  public isVersioned: boolean;
  public defaultRetention: { readonly mode: LockMode; readonly days: number } | undefined;
  /** Newest last, by key. */
  private readonly objects = new Map<string, ObjectVersion[]>();

  constructor(
    public readonly name: string,
    public readonly region: string,
    public isLockable: boolean,
  ) {
    this.isVersioned = isLockable;
  }

  /** The current object, or the requested version; undefined when there is none. */
  public find(key: string, versionId?: string): ObjectVersion | undefined {
    const versions = this.objects.get(key) ?? [];
    return versionId === undefined ? versions.at(-1) : versions.find((version) => version.versionId === versionId);
  }

  /** Bytes of all versions. */
  public get bytes(): number {
    return this.versions('').reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  }

  public put(
    key: string,
    content: Buffer,
    headers: Record<string, string>,
    lock: { retention?: Retention; legalHold: boolean },
  ): ObjectVersion {
    if ((lock.retention || lock.legalHold) && !this.isLockable) {
      throw new CallError('InvalidRequest', 'Bucket is missing Object Lock Configuration');
    }
    return this.append(key, {
      content,
      headers,
      etag: `"${createHash('md5').update(content).digest('hex')}"`,
      retention: lock.retention ?? this.retentionByDefault(),
      legalHold: lock.legalHold,
    });
  }

  /**
   * Deletes a version for good, if its lock allows; without a version, a versioned bucket only adds a delete marker.
   *
   * @returns the marker, if one was added or deleted
   */
  public delete(key: string, versionId: string | undefined, bypassGovernance: boolean): ObjectVersion | undefined {
    if (versionId === undefined) {
      if (this.isVersioned) {
        return this.append(key, { content: undefined, headers: {}, etag: '', retention: undefined, legalHold: false });
      }
      this.objects.delete(key);
      return undefined;
    }
    const version = this.find(key, versionId);
    if (!version) return undefined;
    const { retention, legalHold } = version;
    const isRetained = retention !== undefined && retention.until > new Date();
    if (legalHold || (isRetained && !(retention.mode === 'GOVERNANCE' && bypassGovernance))) {
      throw new CallError('AccessDenied', 'Access Denied because object protected by object lock.', 403);
    }
    const left = this.objects.get(key)!.filter((other) => other !== version);
    if (left.length > 0) this.objects.set(key, left);
    else this.objects.delete(key);
    return version.content === undefined ? version : undefined;
  }

  /** Objects that exist now, ordered by key. */
  public current(prefix: string): ObjectVersion[] {
    return this.versions(prefix).filter((version) => version.content && this.find(version.key) === version);
  }

  /** All versions and delete markers, by key and newest first. */
  public versions(prefix: string): ObjectVersion[] {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.flatMap((key) => [...this.objects.get(key)!].reverse());
  }

  private append(key: string, made: Omit<ObjectVersion, 'key' | 'versionId' | 'modified'>): ObjectVersion {
    const versionId = this.isVersioned ? randomBytes(16).toString('hex') : 'null';
    const version = { ...made, key, versionId, modified: new Date() };
    const before = this.isVersioned ? (this.objects.get(key) ?? []) : [];
    this.objects.set(key, [...before, version]);
    return version;
  }

  private retentionByDefault(): Retention | undefined {
    if (!this.defaultRetention) return undefined;
    const { mode, days } = this.defaultRetention;
    return { mode, until: new Date(Date.now() + days * 86_400_000) };
  }
}
