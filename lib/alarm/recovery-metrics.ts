import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS } from '../../lambda/contract';

const { dimensions: dimension } = METRICS;

/** Whose drills are measured, as evidence has it. */
export interface MeasuredTarget {
  /** Name of the plan. */
  readonly plan: string;
  /** Name of what is drilled. */
  readonly target: string;
}

/**
 * What drills of one target measure: had from the construct that is measured, so that no name can be misspelt. Each
 * method gives a metric to graph, or to alarm on.
 */
export class RecoveryMetrics {
  constructor(private readonly of: MeasuredTarget) {}

  /** 1 when a drill passed, 0 when it did not. */
  public drillPassed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this.of, METRICS.drillPassed, { statistic: cloudwatch.Stats.MINIMUM, ...options });
  }

  /** Seconds from the start of a drill until all checks had passed. */
  public recoveryTime(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this.of, METRICS.recoveryTime, options);
  }

  /** Seconds of data that would have been lost, had the source failed when the drill began. */
  public recoveryPoint(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this.of, METRICS.recoveryPoint, options);
  }

  /** Objectives that a drill missed, of its recovery time and its recovery point. */
  public objectivesMissed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this.of, METRICS.objectivesMissed, options);
  }

  /** Checks that failed or could not run. */
  public checksFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this.of, METRICS.checksFailed, options);
  }

  /** What a drill warned of: it passes all the same. */
  public warnings(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this.of, METRICS.warnings, options);
  }

  /**
   * Seconds that one phase of a drill took.
   *
   * @param phase as evidence has it
   */
  public phaseDuration(phase: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this.of, METRICS.phaseDuration, options, { [dimension.phase]: phase });
  }

  /** What is wrong with the target's evidence: altered, missing, hidden or unsigned documents. Published every hour. */
  public evidenceProblems(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this.of, METRICS.evidenceProblems, { period: Duration.hours(6), ...options });
  }
}

/** Seconds since a drill last passed. Published every hour; missing data means that the hourly watch stopped. */
export const secondsSinceProven = (
  of: MeasuredTarget & { readonly drill: string },
  options?: cloudwatch.MetricOptions,
): cloudwatch.Metric =>
  metricOf(of, METRICS.secondsSinceProven, { period: Duration.hours(6), ...options }, { [dimension.drill]: of.drill });

/** A period of a day, since drills are rare, and the alarm state should last until an operator looks. */
function metricOf(
  { plan, target }: MeasuredTarget,
  metricName: string,
  options?: cloudwatch.MetricOptions,
  more?: Record<string, string>,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: METRICS.namespace,
    metricName,
    dimensionsMap: { [dimension.plan]: plan, [dimension.target]: target, ...more },
    statistic: cloudwatch.Stats.MAXIMUM,
    period: Duration.days(1),
    ...options,
  });
}
