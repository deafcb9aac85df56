/** Alarms without an action: they fire, and no one hears. Synth warns of them, in a plan or not. */
import { Annotations, Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { IConstruct } from 'constructs';
import { Mark } from '../synth/marks';

const alarms = new Mark<cloudwatch.Alarm>('alarm');
const owners = new Mark<true>('has-alarms');

/** What is named of many. */
const NAMED = 3;

/**
 * Notes that a construct's alarms are warned of together, on it: all of a plan's, say. Whatever makes an alarm does so
 * for itself, and what lies in another one leaves it to that.
 */
export function warnOfUnheardAlarms(owner: IConstruct): void {
  if (owners.on(owner)) return;
  owners.put(owner, true);
  // Once the app is whole: its user may add an action to an alarm, and does so later.
  owner.node.addValidation({ validate: () => warn(owner) });
}

/** Notes an alarm, made for a construct. */
export function noteAlarm(owner: IConstruct, alarm: cloudwatch.Alarm): void {
  alarms.put(alarm, alarm);
  warnOfUnheardAlarms(owner);
}

/** Alarms that lie under a construct, in the order that they were made in. */
export function alarmsUnder(construct: IConstruct): cloudwatch.Alarm[] {
  return construct.node.findAll().flatMap((one) => alarms.on(one) ?? []);
}

function warn(owner: IConstruct): string[] {
  const isInner = owner.node.scopes.some((scope) => scope !== owner && owners.on(scope));
  if (isInner) return [];
  const unheard = alarmsUnder(owner).filter((alarm) => !hasAction(alarm));
  if (unheard.length === 0) return [];
  const paths = unheard.slice(0, NAMED).map(({ node }) => `'${node.path.slice(owner.node.path.length + 1)}'`);
  const others = unheard.length > NAMED ? [`${unheard.length - NAMED} more`] : [];
  const all = [...paths, ...others];
  const names = all.length > 1 ? `${all.slice(0, -1).join(', ')} and ${all[all.length - 1]}` : all[0];
  const one = unheard.length === 1;
  Annotations.of(owner).addWarningV2(
    'lifeboat:nobody-is-told',
    `${one ? 'alarm' : 'alarms'} ${names} of '${owner.node.path}' ` +
      `${one ? 'has no action, so no one hears when it fires' : 'have no action, so no one hears when they fire'}; ` +
      "give 'notify' an SNS topic here or on the enclosing plan; in a recovery region, give RecoveryRegion.named(..., { topicArn })",
  );
  return [];
}

function hasAction(construct: IConstruct): boolean {
  const { alarmActions } = construct.node.defaultChild as cloudwatch.CfnAlarm;
  return (Stack.of(construct).resolve(alarmActions) ?? []).length > 0;
}
