/** Restarts what uses the database, sees it healthy, and watches it for a while. */

import type { Health } from '../contract';
import type { Endpoint, HealthCheck, RestartWay, Started } from '../cut-over/way';
import type { Recovery, Side } from './recovery';

export async function restartAll(recovery: Recovery, to: Endpoint): Promise<void> {
  const { runbook, definition, ports } = recovery;
  const since = runbook.now.toISOString();
  for (const restart of definition.restart) {
    const way: RestartWay = ports.restart(restart);
    const restarting = { run: runbook.id, since, to };
    await recovery.act(`restart ${way.name}`, { restart }, async () => {
      const started = await runbook.poll(
        `begin to restart ${way.name}`,
        (): Promise<Started> => way.start(restarting),
        ({ id }) => id !== undefined,
        { hours: 2 },
      );
      await runbook.poll(
        `wait until ${way.name} has restarted`,
        async () => {
          const seen = await way.look(String(started.id), restarting);
          if (seen.failed !== undefined) throw new Error(`${way.name}: ${seen.failed}`);
          return seen;
        },
        ({ done }) => done,
        { hours: 2 },
      );
    });
  }
}

interface Watched {
  readonly unhealthy: readonly string[];
  /** When it became healthy, without interruption since. */
  readonly since: number | null;
  readonly at: number;
}

/** How long an application may take to become healthy. */
const HOURS_UNTIL_HEALTHY = 1;

/**
 * @param side the recovered database, which deployed queries are about; null leaves them out, as where applications go back
 * @returns why it is not healthy; null where it stayed healthy for as long as it is watched
 */
export async function watchHealth(recovery: Recovery, side: Side | null): Promise<string | null> {
  const { runbook, definition, ports } = recovery;
  const { health, watchSeconds } = definition;
  const checks = health.flatMap((one) => checkOf(recovery, side, one) ?? []);
  const look = async (before?: Watched): Promise<Watched> => {
    const seen = await Promise.all(checks.map(async (check) => ({ name: check.name, ...(await check.look()) })));
    const unhealthy = seen.flatMap(({ name, healthy, state }) => (healthy ? [] : [`${name}: ${state}`]));
    const at = ports.clock();
    return { unhealthy, since: unhealthy.length > 0 ? null : (before?.since ?? at), at };
  };
  try {
    await runbook.poll('watch health', look, ({ since, at }) => since !== null && at - since >= watchSeconds * 1000, {
      hours: HOURS_UNTIL_HEALTHY + (2 * watchSeconds) / 3600,
    });
    recovery.happened('healthy');
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function checkOf(recovery: Recovery, side: Side | null, health: Health): HealthCheck | null {
  if (health.kind !== 'query') return recovery.ports.health(health);
  return (
    side && {
      name: 'query',
      look: async () => recovery.live.health({ connection: await recovery.connection(side), sql: health.sql }),
    }
  );
}
