import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS } from '../../lambda/contract';

const { dimensions: dimension } = METRICS;

/** Metrics of a plan's drills. Each method returns a metric for a graph or an alarm. */
export class RecoveryMetrics {
  constructor(
    /** Name of the plan in evidence. */
    public readonly planName: string,
  ) {}

  /** 1 when a drill passed, 0 when it did not. */
  public drillPassed(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.drillPassed, { [dimension.target]: target }, cloudwatch.Stats.MINIMUM, options);
  }

  /** Seconds from the start of a drill until all checks had passed. */
  public recoveryTime(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.recoveryTime, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Seconds of data that would have been lost if the source had failed when the drill began. */
  public recoveryPoint(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.recoveryPoint, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Number of objectives that a drill missed: RTO and RPO. */
  public objectivesMissed(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.objectivesMissed, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Number of checks that failed or could not run. */
  public checksFailed(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.checksFailed, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Number of warnings of a drill. They don't fail it. */
  public warnings(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.warnings, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Seconds that one phase of a drill took. */
  public phaseDuration(target: string, phase: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const of = { [dimension.target]: target, [dimension.phase]: phase };
    return this.metric(METRICS.phaseDuration, of, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Seconds since a drill last passed. Published every hour; missing when the watch stopped. */
  public secondsSinceProven(target: string, drill: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const of = { [dimension.target]: target, [dimension.drill]: drill };
    const period = Duration.hours(6);
    return this.metric(METRICS.secondsSinceProven, of, cloudwatch.Stats.MAXIMUM, { period, ...options });
  }

  /** Number of altered, missing, hidden or unsigned documents of a target's evidence. Published every hour. */
  public evidenceProblems(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const of = { [dimension.target]: target };
    return this.metric(METRICS.evidenceProblems, of, cloudwatch.Stats.MAXIMUM, {
      period: Duration.hours(6),
      ...options,
    });
  }

  /** Age in seconds of the snapshot of the newest good copy. Published every hour; missing when there is none. */
  public snapshotCopyAge(target: string, copy: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const of = { [dimension.target]: target, [dimension.copy]: copy };
    const period = Duration.hours(3);
    return this.metric(METRICS.snapshotCopyAge, of, cloudwatch.Stats.MAXIMUM, { period, ...options });
  }

  /** A period of a day, since drills are rare, and the alarm state should last until an operator looks. */
  private metric(
    metricName: string,
    dimensions: Record<string, string>,
    statistic: string,
    options?: cloudwatch.MetricOptions,
  ): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { [dimension.plan]: this.planName, ...dimensions },
      statistic,
      period: Duration.days(1),
      ...options,
    });
  }
}
