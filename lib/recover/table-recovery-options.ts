/** What a recovery of tables takes. */
import type { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { PropsOf } from '../synth/props';
import { RECOVERY_OPTIONS, RECOVERY_PROPS, type RecoveryOptions, type RecoveryPlace } from './recovery-options';

/** Options of a recovery of tables. */
export interface TableRecoveryOptions extends RecoveryOptions {
  /**
   * Class of the restored copy that rows are read from. A smaller one is cheaper, and slower to read from.
   *
   * @default - the live database's
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * How long the restored copy may exist: restore, dry run, approval and copying take place in this time. After it, the
   * run ends and the copy is deleted.
   *
   * @default - a day, and the timeout of `approval`
   */
  readonly expiresAfter?: Duration;
}

export interface TableRecoveryRunbookProps extends RecoveryPlace, TableRecoveryOptions {}

export const TABLE_RECOVERY_OPTIONS: PropsOf<TableRecoveryOptions> = {
  ...RECOVERY_OPTIONS,
  instanceType: true,
  expiresAfter: true,
};

export const TABLE_RECOVERY_PROPS: PropsOf<TableRecoveryRunbookProps> = {
  ...RECOVERY_PROPS,
  ...TABLE_RECOVERY_OPTIONS,
};
