import { ArnFormat, CfnResource, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { windowProblems } from '../database/backup-settings';
import type { BackupWindow } from '../schedule/backup-window';
import { refuseAll } from '../synth/problems';
import { asKept } from '../synth/tokens';

/** The windows of a database that this app doesn't create. */
export interface DatabaseWindows {
  /**
   * When RDS takes its own daily backup.
   *
   * @default - the window of the database in this app; that of an imported database is unknown and not compared
   */
  readonly backup?: BackupWindow;

  /**
   * The maintenance window, in the form of RDS: `sun:04:00-sun:05:00`, UTC.
   *
   * @default - the window of the database in this app; that of an imported database is unknown and not compared
   */
  readonly maintenance?: string;
}

/** What AWS Backup backs up: one resource, or all that carry a tag. */
export class BackupTarget {
  /**
   * An RDS instance.
   *
   * @param windows of a database that this app doesn't create
   * @throws Error when RDS would refuse the windows
   */
  public static database(database: rds.IDatabaseInstance, windows: DatabaseWindows = {}): BackupTarget {
    refuseWindows(windows, database);
    const arn = rdsArn(database, 'db', database.instanceIdentifier);
    return new BackupTarget({ kind: 'RDS', arn, construct: database, windows });
  }

  /** An Aurora cluster or a Multi-AZ cluster of RDS, depending on its engine. */
  public static cluster(cluster: rds.IDatabaseCluster, windows: DatabaseWindows = {}): BackupTarget {
    refuseWindows(windows, cluster);
    const arn = rdsArn(cluster, 'cluster', cluster.clusterIdentifier);
    const resource = resourceOf(cluster);
    const stated =
      resource?.cfnResourceType === 'AWS::RDS::DBCluster' ? (resource as rds.CfnDBCluster).engine : undefined;
    const engine = stated ?? cluster.engine?.engineType;
    const kind = engine === undefined ? undefined : engine.startsWith('aurora') ? 'Aurora' : 'RDS Multi-AZ cluster';
    return new BackupTarget({ kind, arn, construct: cluster, windows });
  }

  /** A file system. */
  public static fileSystem(fileSystem: efs.IFileSystem): BackupTarget {
    return new BackupTarget({ kind: 'EFS', arn: fileSystem.fileSystemArn, construct: fileSystem });
  }

  /**
   * An EBS volume. Volumes of one server are backed up at the same moment: crash-consistent.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/multi-volume-crash-consistent.html
   */
  public static volume(volume: ec2.IVolume): BackupTarget {
    const arn = Stack.of(volume).formatArn({ service: 'ec2', resource: 'volume', resourceName: volume.volumeId });
    return new BackupTarget({ kind: 'EBS', arn, construct: volume });
  }

  /**
   * An EC2 instance as an image: its settings, and all its volumes at the same moment: crash-consistent.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/multi-volume-crash-consistent.html
   */
  public static server(server: ec2.IInstance): BackupTarget {
    const arn = Stack.of(server).formatArn({ service: 'ec2', resource: 'instance', resourceName: server.instanceId });
    return new BackupTarget({ kind: 'EC2', arn, construct: server });
  }

  /** A bucket. It must be versioned; for continuous backup it must also send its events to EventBridge. */
  public static bucket(bucket: s3.IBucket): BackupTarget {
    return new BackupTarget({ kind: 'S3', arn: bucket.bucketArn, construct: bucket });
  }

  /** A resource of any kind that AWS Backup supports. Synth does not check which features its kind supports. */
  public static arn(arn: string): BackupTarget {
    return new BackupTarget({ arn });
  }

  /** All resources with a tag, of any kind. Synth does not check which features their kinds support. */
  public static tagged(key: string, value: string): BackupTarget {
    return new BackupTarget({ tag: [key, value] });
  }

  /** Kind of resource, if known at synth. */
  public readonly kind?: BackedUp;
  /** Its ARN; absent for a tag. */
  public readonly arn?: string;
  /** Key and value of the tag; absent for a resource. */
  public readonly tag?: readonly [string, string];
  /** The construct it was made from. */
  public readonly construct?: IConstruct;

  private readonly windows: DatabaseWindows;

  private constructor(of: {
    kind?: BackedUp;
    arn?: string;
    tag?: readonly [string, string];
    construct?: IConstruct;
    windows?: DatabaseWindows;
  }) {
    this.kind = of.kind;
    this.arn = of.arn;
    this.tag = of.tag;
    this.construct = of.construct;
    this.windows = of.windows ?? {};
  }

  /** The CloudFormation resource, if this app creates it. */
  public get resource(): CfnResource | undefined {
    return this.construct && resourceOf(this.construct);
  }

  /** hh:mm-hh:mm in UTC, if stated. */
  public get backupWindow(): string | undefined {
    return this.windows.backup?.expression ?? this.property('preferredBackupWindow');
  }

  /** ddd:hh:mm-ddd:hh:mm in UTC, if stated. */
  public get maintenanceWindow(): string | undefined {
    return this.windows.maintenance ?? this.property('preferredMaintenanceWindow');
  }

  /** Its name in errors. */
  public toString(): string {
    const name = this.construct?.node.path ?? this.arn ?? `tag ${this.tag?.join('=')}`;
    return `'${name}'`;
  }

  private property(name: 'preferredBackupWindow' | 'preferredMaintenanceWindow'): string | undefined {
    const { resource } = this;
    if (resource?.cfnResourceType === 'AWS::RDS::DBInstance') return (resource as rds.CfnDBInstance)[name];
    if (resource?.cfnResourceType === 'AWS::RDS::DBCluster') return (resource as rds.CfnDBCluster)[name];
    return undefined;
  }
}

/** RDS keeps identifiers in lower case, and AWS Backup selects nothing by an ARN with capitals. */
const rdsArn = (scope: IConstruct, resource: 'db' | 'cluster', identifier: string): string =>
  Stack.of(scope).formatArn({
    service: 'rds',
    resource,
    resourceName: asKept(identifier),
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });

/** A window that can't be parsed can't be compared, and would pass unnoticed. */
function refuseWindows({ backup, maintenance }: DatabaseWindows, database: IConstruct): void {
  refuseAll(`windows of '${database.node.path}'`, windowProblems(backup?.expression, maintenance));
}

function resourceOf(construct: IConstruct): CfnResource | undefined {
  const child = construct.node.defaultChild;
  return child && CfnResource.isCfnResource(child) ? child : undefined;
}

/**
 * What AWS Backup can do with which kind of resource. What it can't do it ignores or fails, each night.
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html#features-by-resource
 */

/** As AWS Backup names it in metrics and restore tests, but for Multi-AZ clusters, which it counts as RDS. */
export type BackedUp = 'RDS' | 'RDS Multi-AZ cluster' | 'Aurora' | 'S3' | 'EBS' | 'EC2' | 'EFS';

interface Features {
  /** Recovery points can be moved to cold storage. */
  readonly cold: boolean;
  /** Any second of the last days can be restored. */
  readonly continuous: boolean;
  /** Recovery points can be copied into other regions and accounts. */
  readonly copies: boolean;
  /** They can go to a logically air-gapped vault. */
  readonly airGapped: boolean;
}

export const FEATURES: Record<BackedUp, Features> = {
  RDS: { cold: false, continuous: true, copies: true, airGapped: false },
  'RDS Multi-AZ cluster': { cold: false, continuous: false, copies: false, airGapped: false },
  Aurora: { cold: false, continuous: true, copies: true, airGapped: true },
  S3: { cold: false, continuous: true, copies: true, airGapped: true },
  EBS: { cold: true, continuous: false, copies: true, airGapped: true },
  EC2: { cold: false, continuous: false, copies: true, airGapped: true },
  EFS: { cold: true, continuous: false, copies: true, airGapped: true },
};
