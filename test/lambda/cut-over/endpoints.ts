/** The damaged and the recovered database of these tests. */
import type { Endpoint, Restarting } from '../../../lambda/cut-over/way';

export const FROM: Endpoint = {
  host: 'orders.cabc123.eu-central-1.rds.amazonaws.com',
  port: 5432,
  instance: 'orders',
  resourceId: 'db-OLD',
};
export const TO: Endpoint = {
  host: 'recovered-0123456789ab.cabc123.eu-central-1.rds.amazonaws.com',
  port: 5433,
  instance: 'recovered-0123456789ab',
  resourceId: 'db-NEW',
};
export const RUN = '0123456789ab';
export const SINCE = new Date('2026-11-29T03:00:00Z');
export const RESTARTING: Restarting = { run: RUN, since: SINCE.toISOString(), from: FROM, to: TO };
export const later = (seconds: number) => new Date(SINCE.getTime() + seconds * 1000);
