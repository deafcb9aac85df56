/** What a recovery of a whole database takes. */
import type { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { PropsOf } from '../synth/props';
import type { CutOver } from './cut-over';
import type { Fence } from './fence';
import type { Health } from './health';
import type { RecoveredStorage } from './recovered-storage';
import { RECOVERY_OPTIONS, RECOVERY_PROPS, type RecoveryOptions, type RecoveryPlace } from './recovery-options';
import type { RecoveryStart } from './recovery-start';
import type { Restart } from './restart';

/** Options of a recovery of a whole database. */
export interface DatabaseRecoveryOptions extends RecoveryOptions {
  /** How applications are sent to the recovered database. */
  readonly cutOver: CutOver[];

  /**
   * What is restarted after that, in this order.
   *
   * @default - nothing
   */
  readonly restart?: Restart[];

  /**
   * What has to be so before the recovery counts as done.
   *
   * @default - that the recovered database answers
   */
  readonly health?: Health[];

  /**
   * Whether the damaged database still takes writes meanwhile.
   *
   * @default Fence.connect()
   */
  readonly fence?: Fence;

  /**
   * How long health must hold before the recovery is reported as done.
   *
   * @default Duration.minutes(15)
   */
  readonly watch?: Duration;

  /**
   * Name of the subnet group of the recovered database.
   *
   * @default - the damaged one's; required for copies of a database elsewhere
   */
  readonly subnetGroupName?: string;

  /**
   * Security groups of the recovered database. They have to let in the same applications, and the examiner.
   *
   * @default - the damaged one's; required for copies of a database elsewhere
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Class of the recovered database.
   *
   * @default - the damaged one's
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * Name of the parameter group of the recovered database.
   *
   * @default - the damaged one's
   */
  readonly parameterGroupName?: string;

  /**
   * How the recovered database is encrypted if the damaged one is not.
   *
   * @default - the damaged one's key; required for a database of this app without encryption
   */
  readonly storage?: RecoveredStorage;

  /**
   * What starts it without a person.
   *
   * @default - nothing
   */
  readonly startOn?: RecoveryStart;
}

export interface RecoveryRunbookProps extends RecoveryPlace, DatabaseRecoveryOptions {}

export const DATABASE_RECOVERY_OPTIONS: PropsOf<DatabaseRecoveryOptions> = {
  ...RECOVERY_OPTIONS,
  cutOver: true,
  restart: true,
  health: true,
  fence: true,
  watch: true,
  subnetGroupName: true,
  securityGroups: true,
  instanceType: true,
  parameterGroupName: true,
  storage: true,
  startOn: true,
};

export const DATABASE_RECOVERY_PROPS: PropsOf<RecoveryRunbookProps> = {
  ...RECOVERY_PROPS,
  ...DATABASE_RECOVERY_OPTIONS,
};
