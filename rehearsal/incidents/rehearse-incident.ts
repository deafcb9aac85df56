/** An incident from start to end: it happens, the shipped runbook recovers from it, and everything is counted. */
import { zephyr } from '../../examples/zephyr/plan';
import type { RecoveryDocument } from '../../lambda/contract';
import { duration } from '../../lambda/evidence/evidence-text';
import type { Region } from '../region';
import { RecoverySite, type RehearsedRecovery } from '../runbooks/recovery-site';
import type { Narrator } from '../story/narrator';
import { INSTANCE, REGION } from '../story/zephyr-instance';
import type { Account } from './application';
import { type Incident, type IncidentName, incidents } from './incidents';
import { type Fingerprint, fingerprintOf, SECRET, type ZephyrScene } from './scene';

export interface IncidentOutcome {
  readonly incident: IncidentName;
  /** As the runbook's report has it. */
  readonly outcome: string;
  /** From the start of the runbook to its report. */
  readonly recoverySeconds: number;
  /** Votes that are back, exactly as they were before the incident. */
  readonly provenRows: number;
  /** Votes that had been confirmed to users, and are gone. */
  readonly lostVotes: number;
  readonly application: Account;
  /** As the report of the rollback or undo has it; null where the story shows none. */
  readonly takenBack: string | null;
  readonly asExpected: boolean;
}

/** How long the application runs before it happens, and with the damage before anybody acts. */
const BEFORE_MS = 1500;
const AFTER_MS = 1000;

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class IncidentRehearsal {
  private readonly incident: Incident;

  constructor(
    private readonly region: Region,
    private readonly narrator: Narrator,
    private readonly name: IncidentName,
    private readonly stop: AbortSignal,
  ) {
    this.incident = incidents[name];
  }

  /** @param scene of the database, which has the rows */
  async tell(scene: ZephyrScene): Promise<IncidentOutcome> {
    const { narrator, incident } = this;
    const site = await RecoverySite.build(this.region, REGION);
    narrator.chapter(incident.title);
    await scene.application.start();
    try {
      narrator.doingNow('the application reads and writes');
      await sleep(BEFORE_MS);
      const before = await fingerprintOf(scene.database);
      const moment = await scene.momentToGoBackTo();
      const damage = await incident.happen(scene);
      narrator.say(damage, 'red');
      await sleep(AFTER_MS);
      narrator.doingNow('until RDS has archived the moment before');
      await scene.untilRestorable(moment);
      return await this.recover(site, scene, moment, before);
    } finally {
      await scene.application.stop();
    }
  }

  private async recover(
    site: RecoverySite,
    scene: ZephyrScene,
    moment: string,
    before: Fingerprint,
  ): Promise<IncidentOutcome> {
    const { narrator, incident } = this;
    narrator.chapter(`The recovery, to ${moment}`);
    const started = performance.now();
    const reason = incident.title;
    const events = {
      stop: this.stop,
      onStep: (step: string) => narrator.doingNow(step),
      answer: (shown: RecoveryDocument) => this.approve(shown),
      restart: () => ({
        name: "Zephyr's service",
        warnings: async () => [],
        start: async () => {
          await scene.application.restart();
          return { id: 'restarted' };
        },
        look: async () => ({ done: true, state: 'running' }),
      }),
    };
    const to = { kind: 'time' as const, time: moment };
    const { recovery } = incident;
    const run =
      recovery.of === 'tables'
        ? await site.runTables(
            tablesOf(),
            {
              action: 'recover',
              to,
              tables: recovery.tables.map((table) => ({ schema: 'public', table })),
              way: recovery.way,
              reason,
            },
            events,
          )
        : await site.run(databaseOf(recovery.cutOver), { action: 'recover', to, reason }, events);
    const recoverySeconds = (performance.now() - started) / 1000;
    const { outcome } = run.outcome;
    narrator.say(`${outcome} in ${duration(recoverySeconds)}`, outcome === 'recovered' ? 'green' : 'red');
    const found = await scene.found();
    const after = await fingerprintOf(found, before.upTo);
    const isSame = after.rows === before.rows && after.sum === before.sum;
    narrator.say(
      isSame
        ? `${before.rows.toLocaleString('en')} votes are as they were: count and fingerprint agree`
        : `votes differ from before: ${after.rows.toLocaleString('en')} rows of ${before.rows.toLocaleString('en')}`,
      isSame ? 'green' : 'red',
    );
    await sleep(AFTER_MS);
    const lostVotes = await scene.application.lostIn(found);
    const takenBack = incident.takenBack ? await this.takeBack(site, run.run, events) : null;
    const application = scene.application.account;
    this.tellAccount(application, lostVotes);
    return {
      incident: this.name,
      outcome,
      recoverySeconds,
      provenRows: isSame ? after.rows : 0,
      lostVotes,
      application,
      takenBack,
      asExpected:
        outcome === 'recovered' &&
        isSame &&
        (!incident.takenBack || ['undone', 'rolled back'].includes(takenBack ?? '')),
    };
  }

  private async takeBack(site: RecoverySite, run: string, events: Parameters<RecoverySite['run']>[2]): Promise<string> {
    const { narrator, incident } = this;
    const { recovery } = incident;
    narrator.chapter('The way back: somebody decides that the recovery was wrong');
    const reason = 'a rehearsal of the way back';
    const back =
      recovery.of === 'tables'
        ? await site.runTables(tablesOf(), { action: 'undo', run, reason }, events)
        : await site.run(databaseOf(recovery.cutOver), { action: 'roll-back', run, reason }, events);
    const { outcome } = back.outcome;
    narrator.say(outcome, outcome === 'undone' || outcome === 'rolled back' ? 'green' : 'red');
    return outcome;
  }

  /** Shows what a person would read, and approves it as one. */
  private approve({ title, facts, sections }: RecoveryDocument): 'approve' {
    const { narrator } = this;
    narrator.say('');
    narrator.say(`approval wanted: ${title}`, 'yellow');
    for (const [what, how] of facts) narrator.say(`  ${what}: ${how}`, 'dim');
    for (const { title: of, lines } of sections) {
      narrator.say(`  ${of}`, 'bold');
      for (const line of lines) narrator.say(`    ${line}`);
    }
    narrator.say('approved, by another person than the one who started it', 'green');
    narrator.say('');
    return 'approve';
  }

  private tellAccount(account: Account, lostVotes: number): void {
    const { narrator } = this;
    const { written, failed, firstFailure, foundEmpty, writePauseMs, readPauseMs, restarts } = account;
    narrator.heading('What users noticed');
    narrator.say(
      `${written.toLocaleString('en')} votes were confirmed, and ${lostVotes.toLocaleString('en')} of them are lost`,
    );
    narrator.say(`longest pause of writes ${duration(writePauseMs / 1000)}, of reads ${duration(readPauseMs / 1000)}`);
    narrator.say(`${failed} requests failed${firstFailure === null ? '' : `, first: ${firstFailure}`}`);
    narrator.say(`${foundEmpty} reads found no vote at all; the service was restarted ${restarts} times`);
  }
}

const common = {
  plan: 'Zephyr',
  target: 'Polls',
  source: { instance: INSTANCE },
  credentials: SECRET,
  database: zephyr.database,
  checks: [],
  objectives: zephyr.objectives,
  approval: { timeoutSeconds: 600 },
};

const tablesOf = () => ({ ...common, recovery: 'Tables' });

const databaseOf = (cutOver: 'secret' | 'rename'): RehearsedRecovery => ({
  ...common,
  recovery: 'Production',
  fence: 'connect',
  cutOver: [cutOver === 'secret' ? { kind: 'secret', secret: SECRET } : { kind: 'rename' }],
  restart: [{ kind: 'ecs', cluster: 'zephyr', service: 'web' }],
  health: [{ kind: 'query', sql: 'SELECT EXISTS (SELECT FROM public.votes)' }],
  watchSeconds: 1,
});
