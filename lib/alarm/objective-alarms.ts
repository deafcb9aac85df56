import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { checkProps, type PropsOf } from '../synth/props';
import { addAlarm } from './alarm';
import type { RecoveryObjectives } from './objectives';
import { warnOfShortRpo } from './objectives';
import { RecoveryMetrics } from './recovery-metrics';

export interface ObjectiveAlarmsProps {
  /** Name of the plan, as evidence has it. */
  readonly planName: string;
  /** Name of what is drilled, as evidence has it. */
  readonly target: string;
  /** What drills are held against. */
  readonly objectives: RecoveryObjectives;
  /**
   * Who is told.
   *
   * @default - the topic of the plan around it; else alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<ObjectiveAlarmsProps> = { planName: true, target: true, objectives: true, notify: true };

/**
 * Fires when a drill of one target did not pass, or missed an objective. Drills of a target share it.
 */
export class ObjectiveAlarms extends Construct {
  constructor(scope: Construct, id: string, props: ObjectiveAlarmsProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { planName, target, notify } = props;
    const { rpo, rto } = props.objectives;
    warnOfShortRpo(this, rpo);
    const metrics = new RecoveryMetrics({ plan: planName, target });
    const evidence = `its evidence lies under evidence/${planName}/${target}/`;
    addAlarm(this, 'Failed', {
      metric: metrics.drillPassed(),
      threshold: 1,
      comparison: 'below',
      description:
        `A restore drill of ${target} did not pass, so its backups may not bring it back; keep older ones until that is clear, by ` +
        `\`lifeboat hold set\`: ${evidence}; of a run that was stopped or timed out there is none, and the ` +
        'log of the watch on drills names it',
      notify,
    });
    addAlarm(this, 'ObjectiveMissed', {
      metric: metrics.objectivesMissed(),
      threshold: 0,
      description:
        `Restoring ${target} took longer than its recovery time objective of ${rto.toHumanString()}, or would have lost more than its ` +
        `recovery point objective of ${rpo.toHumanString()}: ${evidence}`,
      notify,
    });
  }
}
