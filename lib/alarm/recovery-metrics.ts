import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS } from '../../lambda/contract';

const { dimensions: dimension } = METRICS;

/** What drills of a plan measure. Each method gives a metric to graph, or to alarm on. */
export class RecoveryMetrics {
  constructor(
    /** Name of the plan, as evidence has it. */
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

  /** Seconds of data that would have been lost, had the source failed when the drill began. */
  public recoveryPoint(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.recoveryPoint, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Objectives that a drill missed, of its recovery time and its recovery point. */
  public objectivesMissed(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.objectivesMissed, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Checks that failed or could not run. */
  public checksFailed(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.checksFailed, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** What a drill warned of: it passes all the same. */
  public warnings(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric(METRICS.warnings, { [dimension.target]: target }, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Seconds that one phase of a drill took. */
  public phaseDuration(target: string, phase: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const of = { [dimension.target]: target, [dimension.phase]: phase };
    return this.metric(METRICS.phaseDuration, of, cloudwatch.Stats.MAXIMUM, options);
  }

  /** Seconds since a drill last passed. Published every hour; silence means that nobody is watching. */
  public secondsSinceProven(target: string, drill: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const of = { [dimension.target]: target, [dimension.drill]: drill };
    const period = Duration.hours(6);
    return this.metric(METRICS.secondsSinceProven, of, cloudwatch.Stats.MAXIMUM, { period, ...options });
  }

  /** What is wrong with a target's evidence: altered, missing, hidden or unsigned documents. Published every hour. */
  public evidenceProblems(target: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const of = { [dimension.target]: target };
    return this.metric(METRICS.evidenceProblems, of, cloudwatch.Stats.MAXIMUM, {
      period: Duration.hours(6),
      ...options,
    });
  }

  /** Seconds since the newest good copy's snapshot was taken. Published every hour; silence means that there is none. */
  public snapshotCopyAge(target: string, copy: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const of = { [dimension.target]: target, [dimension.copy]: copy };
    const period = Duration.hours(3);
    return this.metric(METRICS.snapshotCopyAge, of, cloudwatch.Stats.MAXIMUM, { period, ...options });
  }

  /** Drills are rare: by the day, so that an alarm still stands when somebody looks. */
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
