/** Restores a copy beside its source, and waits until it takes a password that is derived for it. */
import type { DrillDefinition } from '../contract';
import type { Runbook } from '../runbook/runbook';
import type { DrillCopy } from './drill-copy';
import type { InstanceState } from './instance';
import { copyPassword } from './password';
import type { RestorePoint } from './restore-point';
import type { Source } from './source';

/** At a look every two minutes, half of the 3,000 operations that an execution may have. */
const MAX_RESTORE_HOURS = 48;

export interface CopyToRestore {
  readonly copy: DrillCopy;
  readonly source: Source;
  readonly point: RestorePoint;
  readonly settings: DrillDefinition['copy'];
  /** When the copy may be deleted. */
  readonly expires: Date;
  readonly password: () => Promise<string>;
}

/** @throws when the restore has failed for good, or does not end before the copy expires */
export async function restoreCopy(
  runbook: Runbook,
  { copy, source, point, settings, expires, password }: CopyToRestore,
): Promise<InstanceState> {
  await runbook.step('start restore', () => copy.restore(source, point, settings, expires));
  await runbook.poll(
    'wait until available',
    () => copy.look(),
    ({ usable }) => usable,
    { hours: Math.min(settings.expiresAfterSeconds / 3600, MAX_RESTORE_HOURS) },
  );
  await runbook.step('reset the master password', async () => copy.setPassword(await password()));
  return runbook.poll(
    'wait until the password is set',
    () => copy.look(),
    ({ usable, passwordPending }) => usable && !passwordPending,
    { hours: 1 },
  );
}

/** Of a copy: derived in each step that needs it, so that no result carries it. */
export const passwordOf = async (
  { secret }: { readonly secret: (id: string) => Promise<string> },
  { passwordKey }: Pick<DrillDefinition, 'passwordKey'>,
  copy: DrillCopy,
): Promise<string> => copyPassword(await secret(passwordKey), copy.name);
