/** The maintenance window of an imported database, which is only compared with a backup window that is stated, too. */
import type { Construct } from 'constructs';

interface Windows {
  /** @default - none */
  readonly window?: unknown;
  /** @default - none */
  readonly maintenance?: string;
}

/** @throws Error when a window is stated that would not be compared, though users would believe that it is */
export function refuseIdleMaintenance(scope: Construct, { window, maintenance }: Windows, isOfApp: boolean): void {
  if (maintenance === undefined || (window !== undefined && !isOfApp)) return;
  const [fact, remedy] = isOfApp
    ? ['the database is in this app', 'set preferredMaintenanceWindow on the database instead']
    : ["'window' is missing", "state 'window', too, or leave 'maintenance' out"];
  throw new Error(
    `database '${scope.node.path}': 'maintenance' is ${maintenance}, and ${fact}, so it would not be compared with anything; ${remedy}`,
  );
}
