import { type Evidence, METRICS } from '../contract';

export interface Metric {
  readonly name: string;
  readonly unit: 'Seconds' | 'Count' | 'Bytes' | 'Percent' | 'None';
  readonly value: number;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** The metrics of a drill's document. */
export function drillMetrics(document: Evidence): Metric[] {
  const { dimensions: name } = METRICS;
  const dimensions = { [name.plan]: document.plan, [name.target]: document.target };
  const notPassed = document.checks.filter(({ outcome }) => outcome !== 'passed').length;
  const metrics: Metric[] = [
    { name: METRICS.drillPassed, unit: 'None', value: document.outcome === 'passed' ? 1 : 0, dimensions },
    { name: METRICS.checksFailed, unit: 'Count', value: notPassed, dimensions },
    { name: METRICS.warnings, unit: 'Count', value: document.warnings?.length ?? 0, dimensions },
  ];
  const { recoveryTime, recoveryPoint } = document;
  const missed = [recoveryTime, recoveryPoint].filter((measured) => measured?.met === false).length;
  metrics.push({ name: METRICS.objectivesMissed, unit: 'Count', value: missed, dimensions });
  if (recoveryTime) {
    metrics.push({ name: METRICS.recoveryTime, unit: 'Seconds', value: recoveryTime.seconds, dimensions });
  }
  if (recoveryPoint) {
    metrics.push({ name: METRICS.recoveryPoint, unit: 'Seconds', value: recoveryPoint.seconds, dimensions });
  }
  for (const { phase, seconds } of document.phases) {
    const ofPhase = { ...dimensions, [name.phase]: phase };
    metrics.push({ name: METRICS.phaseDuration, unit: 'Seconds', value: seconds, dimensions: ofPhase });
  }
  return metrics;
}

/** One line for each metric, ready to be printed. */
export function embeddedMetric({ name, unit, value, dimensions }: Metric, now: number): string {
  return JSON.stringify({
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        {
          Namespace: METRICS.namespace,
          Dimensions: [Object.keys(dimensions)],
          Metrics: [{ Name: name, Unit: unit }],
        },
      ],
    },
    ...dimensions,
    [name]: value,
  });
}
