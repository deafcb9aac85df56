/**
 * Restart by a command on hosts with a tag, as for `docker compose restart`.
 *
 * SSM has no token for it, so the command's comment names the run, and a repeated start looks for it. Where SSM does
 * not list the command yet it is sent twice: the commands must be such that this does no harm, as restarts are.
 */
import { createHash } from 'node:crypto';
import {
  type Command,
  type CommandInvocation,
  paginateListCommandInvocations,
  paginateListCommands,
  SendCommandCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { keyOf, type Progress, type Restarting, type RestartWay, type Started } from './way';

export interface HostCommand {
  readonly document: string;
  readonly tagKey: string;
  readonly tagValue: string;
  readonly commands: readonly string[];
}

/** Clocks differ. */
const SKEW_MS = 5 * 60_000;
const SETTLED = ['Success', 'Failed', 'Cancelled', 'TimedOut'];
/** Hosts that a message names. */
const NAMED = 10;

export class HostCommandRestart implements RestartWay {
  public readonly name: string;

  constructor(
    private readonly ssm: SSMClient,
    private readonly command: HostCommand,
  ) {
    const { document, tagKey, tagValue } = command;
    this.name = `${document} (commands ${this.fingerprint()}) on hosts with the tag ${tagKey}=${tagValue}`;
  }

  async warnings(): Promise<string[]> {
    return [`${this.name}: the command may run twice if the runbook crashes right after it was sent`];
  }

  async start(restarting: Restarting): Promise<Started> {
    const { document: DocumentName, tagKey, tagValue, commands } = this.command;
    const Comment = `lifeboat ${keyOf(restarting)} ${this.fingerprint()}`;
    const earlier = await this.find(Comment, restarting.since);
    if (earlier?.CommandId !== undefined) return { id: earlier.CommandId };
    const { Command: sent } = await this.ssm.send(
      new SendCommandCommand({
        DocumentName,
        Targets: [{ Key: `tag:${tagKey}`, Values: [tagValue] }],
        Parameters: { commands: [...commands] },
        Comment,
        // One host that fails must not keep the others from being restarted.
        MaxErrors: '100%',
      }),
    );
    return sent?.CommandId === undefined
      ? { waits: 'SSM gave the command no id; it is looked for again' }
      : { id: sent.CommandId };
  }

  async look(id: string): Promise<Progress> {
    let command: Command | undefined;
    for await (const { Commands = [] } of paginateListCommands({ client: this.ssm }, { CommandId: id })) {
      command ??= Commands[0];
    }
    if (!command) return { done: false, state: `command ${id} is not listed yet` };
    const { Status = 'unknown', StatusDetails = Status, TargetCount = 0, CompletedCount = 0 } = command;
    const state = `command ${id} is ${StatusDetails}: ${CompletedCount} of ${TargetCount} hosts are done`;
    if (!SETTLED.includes(Status)) return { done: false, state };
    if (TargetCount === 0) {
      const failed = `${this.name}: no host has this tag and is managed by SSM; restart the hosts by hand`;
      return { done: false, state, failed };
    }
    const unsuccessful = (await this.invocations(id)).filter((one) => one.Status !== 'Success');
    if (Status === 'Success' && unsuccessful.length === 0) return { done: true, state };
    // What they printed may hold anything, so it is not repeated.
    const hosts = unsuccessful.map(({ InstanceId, StatusDetails: why }) => `${InstanceId}: ${why}`);
    const more = hosts.length > NAMED ? ` and ${hosts.length - NAMED} more` : '';
    const failed =
      `${this.name}: ${state} (${hosts.slice(0, NAMED).join(', ') || 'no host answered'}${more}); read the command's ` +
      'output in SSM, and restart these hosts by hand';
    return { done: false, state, failed };
  }

  /** Several commands of one run differ in it. */
  private fingerprint(): string {
    return createHash('sha256').update(JSON.stringify(this.command)).digest('hex').slice(0, 12);
  }

  private async find(comment: string, since: string): Promise<Command | undefined> {
    const after = new Date(Date.parse(since) - SKEW_MS).toISOString().replace(/\.\d+Z$/, 'Z');
    const Filters = [{ key: 'InvokedAfter' as const, value: after }];
    for await (const { Commands = [] } of paginateListCommands({ client: this.ssm }, { Filters })) {
      const found = Commands.find(({ Comment }) => Comment === comment);
      if (found) return found;
    }
    return undefined;
  }

  private async invocations(CommandId: string): Promise<readonly CommandInvocation[]> {
    const all: CommandInvocation[] = [];
    for await (const page of paginateListCommandInvocations({ client: this.ssm }, { CommandId })) {
      all.push(...(page.CommandInvocations ?? []));
    }
    return all;
  }
}
