/** `lifeboat approve`: shows what a recovery wants to do, and sends a person's answer, with the proof of who gave it. */
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Command } from 'commander';
import type { OpenRecovery, WantedApproval } from '../../lambda/contract';
import { readBytes } from '../../lambda/evidence/objects';
import { visibleLines } from '../../lambda/evidence/visible';
import { judgedAnswer, pendingQuestion, sendAnswer } from '../../lambda/runbook/answer';
import { bindingOf, type Decision, type Judged } from '../../lambda/runbook/approval';
import { prove } from '../../lambda/runbook/proof';
import { listRecoveries } from '../../lambda/runbook/recovery-lock';
import { misused, NOT_PROVEN, PROVEN } from '../ending';
import { type Clients, clientsOf, type InRegion, regionOf, takesRegion } from './clients';

interface Asked extends InRegion {
  readonly sha256?: string;
  readonly yes: boolean;
  readonly refuse: boolean;
  readonly json: boolean;
}

/** A run that was suspended starts again first, and calls STS. */
const WAIT_SECONDS = 60;

export function addApprove(program: Command): void {
  takesRegion(program.command('approve'))
    .description(
      'Show what a recovery is about to do, and approve or refuse it, with your own AWS identity. The recovery counts an ' +
        'answer only for the document that it showed, from a person who may give it, and before it expires.',
    )
    .argument('<plan>', 'name of the plan, as `lifeboat status` has it')
    .argument('<target>', 'name of what is recovered in it')
    .option('--sha256 <hash>', 'approve without being asked, if this is the hash of the document')
    .option('--yes', 'approve without being asked, whatever the document says', false)
    .option('--refuse', 'refuse, without being asked', false)
    .option('--json', 'print one JSON document', false)
    .action(async (plan: string, target: string, asked: Asked) => {
      const { sha256, yes, refuse, json } = asked;
      if (refuse && (yes || sha256 !== undefined)) misused(program, 'give either --refuse, or --yes or --sha256');
      if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
        misused(program, `'--sha256' is '${sha256}', which is not a SHA-256 of 64 hexadecimal digits`);
      }
      const isAsked = !(refuse || yes || sha256 !== undefined);
      if (isAsked && (json || !process.stdin.isTTY)) {
        misused(program, 'nobody can be asked here; approve by --sha256 with the hash of the document, or --refuse');
      }
      const aws = clientsOf(program, asked);
      const region = await regionOf(program, aws.ssm);
      const { recovery, approval } = await wanted(aws.ssm, plan, target, region);
      const document = await documentOf(aws.s3, approval);
      if (!json) process.stdout.write(`${visibleLines(textOf(document, approval))}\n`);
      if (sha256 !== undefined && sha256 !== approval.sha256) {
        throw new Error(
          `the recovery wants another document approved than '--sha256' names, ${approval.sha256}, so nothing was sent; ` +
            'read it, and approve it by its own hash',
        );
      }
      const isApproved = isAsked ? await confirmed() : !refuse;
      const decision = isApproved ? 'approve' : 'refuse';
      const answered = await answer(aws, region, recovery, approval, decision);
      const isCounted = answered !== null && 'outcome' in answered;
      if (json) {
        const all = { region, plan, target, decision, sha256: approval.sha256, document, ...answered };
        process.stdout.write(`${visibleLines(JSON.stringify(all))}\n`);
      } else {
        process.stdout.write(`${visibleLines(said(decision, answered))}\n`);
      }
      process.exitCode = isCounted ? PROVEN : NOT_PROVEN;
    });
}

/** @throws Error when nothing waits for an approval */
async function wanted(ssm: SSMClient, plan: string, target: string, region: string) {
  const { recoveries, unread } = await listRecoveries(ssm);
  const found = recoveries.filter((recovery) => recovery.plan === plan && recovery.target === target);
  const [recovery] = found;
  if (!recovery || found.length > 1) {
    const count = recovery ? 'several recoveries' : 'no recovery';
    const others = unread.length === 0 ? '' : `; ${unread.join('; ')}`;
    throw new Error(`${count} of '${target}' in plan '${plan}' is open in ${region}; see \`lifeboat status\`${others}`);
  }
  const { approval, phase } = recovery;
  if (!approval) throw new Error(`the recovery waits for no approval now (phase: ${phase}); see \`lifeboat status\``);
  if (Date.parse(approval.expires) <= Date.now()) {
    throw new Error(`what was to be approved expired at ${approval.expires}, so an answer would not count`);
  }
  return { recovery, approval };
}

/** @throws Error when it is not the one that the recovery wants approved */
async function documentOf(s3: S3Client, { bucket, key, sha256 }: WantedApproval): Promise<string> {
  const bytes = await readBytes(s3, bucket, key);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual === sha256) return bytes.toString('utf8');
  throw new Error(
    `s3://${bucket}/${key} has the hash ${actual}, and the recovery wants ${sha256} approved, so somebody changed one of ` +
      'them: nothing was sent; refuse it, and find out who did',
  );
}

const textOf = (document: string, { sha256, resources, expires }: WantedApproval) =>
  [document, '', `about    ${resources.join(', ')}`, `expires  ${expires}`, `sha256   ${sha256}`].join('\n');

/** @throws Error when the terminal is closed, or Ctrl-C pressed, instead of an answer */
async function confirmed(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<never>((_, reject) => {
    terminal.once('close', () => reject(new Error('neither yes nor no was answered, so nothing was sent')));
  });
  try {
    for (;;) {
      const asked = terminal.question('Approve? (yes, or no to refuse; Ctrl-C answers nothing) ');
      const text = (await Promise.race([asked, closed])).trim().toLowerCase();
      if (text === 'yes' || text === 'no') return text === 'yes';
    }
  } finally {
    terminal.close();
  }
}

/** @returns what the run made of it; null if it has not looked at it in time */
async function answer(
  { lambda, endpoint }: Clients,
  region: string,
  { execution }: OpenRecovery,
  approval: WantedApproval,
  decision: Decision,
): Promise<Judged | null> {
  const pending = await pendingQuestion(lambda, execution);
  if (!pending) throw new Error('the recovery waits for no answer any more; see `lifeboat status`');
  const { question, callbackId } = pending;
  const { credentials } = lambda.config;
  const binding = bindingOf({ execution, question }, approval, decision);
  const proof = await prove(binding, { region, credentials, endpoint });
  await sendAnswer(lambda, callbackId, { decision, sha256: approval.sha256, proof });
  for (let second = 0; second < WAIT_SECONDS; second++) {
    const judged = await judgedAnswer(lambda, execution, question);
    if (judged) return judged;
    await sleep(1000);
  }
  return null;
}

function said(decision: string, judged: Judged | null): string {
  if (!judged) return `the answer was sent, and the recovery has not looked at it yet; see \`lifeboat status\``;
  if ('ignored' in judged) return `the answer to ${decision} did not count: ${judged.ignored}`;
  return `${judged.outcome} by ${judged.by}`;
}
