/** Host names, as they may be written into secrets, records and parameters. */

const HOST =
  /^(?=.{1,253}\.?$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$/;

export const isHost = (text: unknown): text is string => typeof text === 'string' && HOST.test(text);

/** DNS knows no case, and a name may end in a dot. */
export const isSameHost = (one: string, other: string) => plain(one) === plain(other);

const plain = (host: string) => host.toLowerCase().replace(/\.$/, '');

/** @throws Error for an endpoint that must never be written anywhere */
export function checkEndpoint({ host, port, instance }: { host: string; port: number; instance: string }): void {
  if (isHost(host) && Number.isInteger(port) && port > 0 && port < 65_536) return;
  throw new Error(
    `the endpoint of '${instance}' is ${JSON.stringify(host)}, port ${port}, which is not an address, so no ` +
      'application is sent there; wait until RDS reports the endpoint',
  );
}
