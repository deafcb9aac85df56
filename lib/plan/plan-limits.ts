/** What a plan refuses of its props, since callers may have no compiler. */
import { Stack, Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { objectiveProblems, type RecoveryObjectives } from '../alarm/objectives';
import { kindProblems } from '../synth/props';

/** Props of a plan, unchecked but for the compiler. */
interface Planned {
  readonly objectives: RecoveryObjectives;
  /** @default - none */
  readonly notify?: unknown;
  /** @default - none */
  readonly encryptionKey?: kms.IKey;
  /** @default - none */
  readonly logEncryptionKey?: kms.IKey;
  /** @default - none */
  readonly archive?: unknown;
  /** @default - none */
  readonly recovery?: unknown;
  /** @default - none */
  readonly site?: unknown;
}

/** A property of each value of the kind; the consequence of another one, and the remedy. */
const KINDS: { readonly [Name in keyof Planned]?: readonly [has: string, otherwise: string] } = {
  notify: ['topicArn', 'no alarm could publish to it; pass a topic, as in sns.Topic.fromTopicArn(...)'],
  encryptionKey: ['keyArn', 'nothing could be encrypted with it; pass a key, as in kms.Key.fromKeyArn(...)'],
  logEncryptionKey: ['keyArn', 'no log could be encrypted with it; pass a key, as in kms.Key.fromKeyArn(...)'],
  archive: ['bucketArn', "nothing could be kept there; pass a bucket, as in 'bucket' of an ArchiveBucket"],
  recovery: ['keyArnFor', "nothing could be copied there; state it as in RecoveryRegion.named('us-west-2')"],
  site: ['network', 'no drill could run there; pass a DrillSite, as in DrillSite.fromDrillSiteAttributes(...)'],
};

export function planProblems(plan: Construct, props: Planned | undefined): string[] {
  const kinds = Object.entries(KINDS).flatMap(([name, [has, otherwise]]) => {
    const value = props?.[name as keyof Planned];
    return value === undefined ? [] : kindProblems(name, value, has, otherwise);
  });
  const problems = [...objectiveProblems(props?.objectives), ...kinds];
  return problems.length > 0 || !props ? problems : regionProblems(Stack.of(plan).region, props);
}

/** A key can only be used in its own region. */
function regionProblems(region: string, props: Planned): string[] {
  return (['encryptionKey', 'logEncryptionKey'] as const).flatMap((name) => {
    const there = props[name]?.env.region ?? region;
    if (there === region || Token.isUnresolved(there) || Token.isUnresolved(region)) return [];
    return [
      `'${name}' is a key in ${there}, and the plan's stack is in ${region}, so nothing here could be encrypted with it; ` +
        `pass a key in ${region}`,
    ];
  });
}
