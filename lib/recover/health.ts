import type { Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Health as HealthContract } from '../../lambda/contract';
import { allow } from '../function/statements';

export interface HttpHealthOptions {
  /**
   * Status of the answer that counts as healthy.
   *
   * @default 200
   */
  readonly status?: number;
}

/** What has to be so, for as long as `watch` says, before a recovery counts as done. */
export class Health {
  /**
   * An address that answers with a status. It is asked from outside of your network, so it has to be public.
   *
   * @param url starts with `https://`
   */
  public static http(url: string, options: HttpHealthOptions = {}): Health {
    return new Health({ kind: 'http', url, status: options.status }, () => []);
  }

  /** Alarms of CloudWatch, of the recovery's region, that must be OK. Missing data does not count as OK. */
  public static alarms(...alarms: cloudwatch.IAlarm[]): Health {
    return new Health({ kind: 'alarms', names: alarms.map(({ alarmName }) => alarmName) }, () => [
      // Without permission on all alarms, CloudWatch refuses a list of names.
      allow(['cloudwatch:DescribeAlarms'], ['*']),
    ]);
  }

  /** A query on the recovered database that must return one row with one value, true. It can't write. */
  public static query(sql: string): Health {
    return new Health({ kind: 'query', sql }, () => []);
  }

  private constructor(
    /** The sign of health in the contract. */
    public readonly request: HealthContract,
    private readonly allowed: (stack: Stack) => iam.PolicyStatement[],
  ) {}

  /** What the recovery may do for it. */
  public statements(stack: Stack): iam.PolicyStatement[] {
    return this.allowed(stack);
  }
}
