/** What a person reads before anything of production is changed. */
import type { CutOver } from '../contract';
import type { Move } from '../cut-over/way';
import type { Paper, Recovery } from './recovery';
import { facts, type Story } from './story';

/** @param worse what got worse since the numbers that were approved before */
export async function proposal(
  recovery: Recovery,
  story: Story,
  round: number,
  worse: readonly string[],
): Promise<Omit<Paper, 'kind'>> {
  const { definition, runbook, ports } = recovery;
  const { assessment, recovered, checked } = story;
  if (!assessment || !recovered) throw new Error('nothing was restored, so there is nothing to propose');
  const { source } = assessment;
  const { host, port, instance, resourceId } = source;
  const move: Move = host && port ? { from: { host, port, instance, resourceId } } : {};
  const warnings: string[] = [];
  for (const cutOver of definition.cutOver) {
    if (cutOver.kind === 'rename') warnings.push(...renameWarnings(source.instance));
    else {
      const way = ports.way(cutOver);
      warnings.push(...(await runbook.step(`ask what breaks by ${way.name} (${round})`, () => way.warnings(move))));
    }
  }
  for (const restart of definition.restart) {
    const way = ports.restart(restart);
    warnings.push(...(await runbook.step(`ask what breaks by ${way.name} (${round})`, () => way.warnings())));
  }
  const told = facts(story);
  return {
    name: `proposal ${round}`,
    title:
      round === 1
        ? `send applications from ${source.instance} to ${recovered.name}`
        : `go on although the numbers got worse (${round})`,
    facts: told.facts,
    sections: [
      ...(worse.length > 0 ? [{ title: 'Worse than what was approved', lines: [...worse] }] : []),
      ...(checked && checked.problems.length > 0
        ? [{ title: 'Checks that did not pass', lines: [...checked.problems] }]
        : []),
      ...told.sections.map(({ title, lines }) => ({ title, lines: [...lines] })),
      { title: 'What will be done', lines: [...plan(recovery, source.instance, recovered.name)] },
      { title: 'What breaks without an error', lines: [...ALWAYS, ...warnings] },
    ],
    values: {
      damaged: { instance: source.instance, resourceId: source.resourceId },
      recovered,
      point: assessment.point,
      problems: checked?.problems ?? [],
      comparison: story.comparison,
    },
  };
}

function plan({ definition, runbook }: Recovery, source: string, recovered: string): string[] {
  const { fence, cutOver, restart, health, watchSeconds, recovered: named } = definition;
  return [
    fence === 'connect'
      ? `CONNECT is revoked in '${source}', its master user gets another password, and its sessions are ended: nobody can use it.`
      : `Writes to '${source}' go on until applications have gone; what is written there after the counts is lost.`,
    `A snapshot of '${source}' is taken and kept.`,
    ...cutOver.map(
      (way) => `Cut-over by ${describeWay(way, source, recovered, `${named.replacedPrefix}${runbook.id}`)}.`,
    ),
    ...restart.map(({ kind, ...of }) => `Restart by ${kind}: ${JSON.stringify(of)}.`),
    `Health is watched for ${watchSeconds} s by ${health.map(({ kind }) => kind).join(', ') || 'nothing'}.`,
    'Neither database is deleted.',
  ];
}

function describeWay(way: CutOver, source: string, recovered: string, replaced: string): string {
  switch (way.kind) {
    case 'rename':
      return `rename: '${source}' becomes '${replaced}', and then '${recovered}' becomes '${source}'`;
    case 'secret':
      return `a new version of secret ${way.secret}`;
    case 'dns':
      return `the CNAME ${way.record}`;
    case 'parameter':
      return `parameter ${way.parameter}`;
  }
}

const renameWarnings = (source: string) => [
  `While both are renamed, '${source}' has no address; the new one may take up to 10 minutes to be known everywhere.`,
  `Alarms, metrics and events follow the name '${source}' to the recovered database. CloudFormation takes it for the old one.`,
];

const ALWAYS = [
  'IAM policies for rds-db:connect name the DbiResourceId, which is another one now: IAM logins fail until they are changed.',
  'Targets of RDS Proxy and subscriptions of other databases stay with the damaged database.',
];
