import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { checkProps, type PropsOf } from '../synth/props';
import { addAlarm } from './alarm';
import type { RecoveryObjectives } from './objectives';
import { warnOfShortRpo } from './objectives';
import { RecoveryMetrics } from './recovery-metrics';

export interface ObjectiveAlarmsProps {
  /** Name of the plan in evidence. */
  readonly planName: string;
  /** Name of the target in evidence. */
  readonly target: string;
  /** Objectives that drills are compared with. */
  readonly objectives: RecoveryObjectives;
  /**
   * Topic to notify.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<ObjectiveAlarmsProps> = { planName: true, target: true, objectives: true, notify: true };

/**
 * Alarms that fire when a drill of one target did not pass, or missed an objective. Drills of a target share them.
 */
export class ObjectiveAlarms extends Construct {
  constructor(scope: Construct, id: string, props: ObjectiveAlarmsProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { planName, target, notify } = props;
    const { rpo, rto } = props.objectives;
    warnOfShortRpo(this, rpo);
    const metrics = new RecoveryMetrics({ plan: planName, target });
    const evidence = `See the evidence under evidence/${planName}/${target}/.`;
    addAlarm(this, 'Failed', {
      metric: metrics.drillPassed(),
      threshold: 1,
      comparison: 'below',
      description:
        `A restore drill of ${target} did not pass, so its backups may not be restorable. Keep older ones with ` +
        `\`lifeboat hold set\` until the cause is known. ${evidence} A run that was stopped or timed out has none; the ` +
        'log of the watch on drills names it.',
      notify,
    });
    addAlarm(this, 'ObjectiveMissed', {
      metric: metrics.objectivesMissed(),
      threshold: 0,
      description:
        `A restore of ${target} took longer than its RTO of ${rto.toHumanString()}, or would have lost more data than its ` +
        `RPO of ${rpo.toHumanString()}. ${evidence}`,
      notify,
    });
  }
}
