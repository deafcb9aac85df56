/** RDS's API: finds the operation, and refuses by name what is not modelled. */
import * as sdk from '@aws-sdk/client-rds';
import { findBinaries } from '../postgres/binaries';
import type { Call, Reply } from '../server/call';
import { notModelled, QueryProtocol } from '../server/query-protocol';
import type { World } from '../server/world';
import { backupOperations } from './backup-operations';
import { catalogOperations } from './catalog-operations';
import { instanceOperations } from './instance-operations';
import type { Operation } from './operation';
import { RdsRegion } from './region-state';
import { replicaOperations } from './replica-operations';
import { restoreOperations } from './restore-operations';
import { snapshotCopyOperations } from './snapshot-copy-operations';
import { snapshotOperations } from './snapshot-operations';
import { snapshotSharingOperations } from './snapshot-sharing-operations';

const OPERATIONS = new Map<string, Operation>(
  [
    ...instanceOperations,
    ...snapshotOperations,
    ...snapshotCopyOperations,
    ...snapshotSharingOperations,
    ...restoreOperations,
    ...backupOperations,
    ...replicaOperations,
    ...catalogOperations,
  ].map((operation) => [operation.name, operation]),
);

const HELD = new Set(['DescribeDBInstances', 'DescribeDBSnapshots']);
/** Shorter than clients wait for an answer. */
const HOLD_MS = 20_000;

export class Rds {
  public readonly regions = new Map<string, RdsRegion>();
  private readonly protocol = new QueryProtocol(sdk, 'http://rds.amazonaws.com/doc/2014-10-31/');

  private constructor(
    private readonly world: World,
    private readonly holdDescribes: boolean,
    private readonly engineVersion: string,
  ) {}

  public static async open(world: World, holdDescribes: boolean): Promise<Rds> {
    const { version } = await findBinaries();
    return new Rds(world, holdDescribes, version.replace(/^(\d+\.\d+).*/, '$1'));
  }

  /** A region's RDS; a region is made when it is first used. */
  public region(name: string): RdsRegion {
    let region = this.regions.get(name);
    if (!region) {
      region = new RdsRegion(name, this.world, this.regions, this.engineVersion);
      this.regions.set(name, region);
    }
    return region;
  }

  public async answer(call: Call): Promise<Reply> {
    const headers = { 'content-type': 'text/xml' };
    try {
      const { operation: name, input } = this.protocol.parse(call.body.toString());
      const operation = OPERATIONS.get(name);
      if (!operation) throw notModelled(`the operation ${name}`, `known: ${[...OPERATIONS.keys()].join(', ')}`);
      const ignored = Object.keys(input).find((parameter) => !operation.parameters.has(parameter));
      if (ignored) throw notModelled(`the parameter ${ignored} of ${name}`);
      const output = await this.meetingFaults(name, async () => {
        if (this.holdDescribes && HELD.has(name)) await this.hold(call.region, input);
        return operation.run(this.region(call.region), input);
      });
      return { status: 200, headers, body: this.protocol.render(name, output, call.id) };
    } catch (error) {
      const { status, body } = this.protocol.renderError(error, call.id);
      return { status, headers, body };
    }
  }

  private async meetingFaults<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const { faults } = this.world;
    await this.world.sleep(faults.lagOf(operation));
    const fault = faults.hit(operation);
    if (fault && !fault.afterEffect) throw fault.error;
    const output = await work();
    if (fault) throw fault.error;
    return output;
  }

  /**
   * Delays the answer about one resource until its state settles, so that clients that poll rarely don't wait longer.
   */
  private async hold(regionName: string, input: Record<string, unknown>): Promise<void> {
    const region = this.region(regionName);
    const { DBInstanceIdentifier: instance, DBSnapshotIdentifier: snapshot } = input;
    const thing =
      typeof snapshot === 'string'
        ? region.snapshots.get(snapshot.toLowerCase())
        : typeof instance === 'string' && region.instanceToBe(instance.toLowerCase());
    if (thing) await Promise.race([thing.settled(), this.world.sleep(HOLD_MS)]);
  }
}
