/** What synth knows of the database that is recovered, for a recovery to work without looking anything up. */
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { isEncrypted } from '../database/source-database';
import type { DrillSource } from '../drill/drill-source';
import { known } from '../synth/tokens';

export class LiveDatabase {
  constructor(private readonly source: DrillSource) {}

  /** Only instances of this app have one. */
  get secret(): secretsmanager.ISecret | undefined {
    const { database } = this.source;
    return database && 'secret' in database ? (database as rds.DatabaseInstance).secret : undefined;
  }

  /** Only instances of this app have one. */
  get vpc(): ec2.IVpc | undefined {
    const { database } = this.source;
    return database && 'vpc' in database ? (database as rds.DatabaseInstance).vpc : undefined;
  }

  get resourceId(): string | undefined {
    return this.source.database?.instanceResourceId;
  }

  /** The initial database, if synth knows it. */
  get databaseName(): string | undefined {
    return known(this.resource?.dbName);
  }

  /** Name of its subnet group, which is a reference for one of this app. */
  get subnetGroup(): string | undefined {
    return this.resource?.dbSubnetGroupName;
  }

  /** Whether it is known to have no public address. */
  get isPrivate(): boolean {
    return this.resource !== undefined && known(this.resource.publiclyAccessible) !== true;
  }

  /** Whether it is known not to be encrypted. */
  get isUnencrypted(): boolean {
    return this.resource !== undefined && !isEncrypted(this.resource);
  }

  /** Whether RDS manages the master user's password. */
  get hasManagedSecret(): boolean {
    return this.resource?.manageMasterUserPassword === true;
  }

  /** Keys that a recovered database is encrypted with, as its source is. */
  get keyArns(): string[] {
    const keys = [this.source.keyArn, this.resource?.performanceInsightsKmsKeyId];
    return [...new Set(keys.filter((key) => key !== undefined))];
  }

  /** The role of enhanced monitoring, which a recovered database gets as well. */
  get passedRoles(): string[] {
    const role = this.resource?.monitoringRoleArn;
    return role === undefined ? [] : [role];
  }

  get retentionDays(): number | undefined {
    return this.source.sourceDatabase?.retentionDays;
  }

  get engine(): string | undefined {
    return this.source.sourceDatabase?.engine;
  }

  private get resource(): rds.CfnDBInstance | undefined {
    return this.source.sourceDatabase?.resource;
  }
}
