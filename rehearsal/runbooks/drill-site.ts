/** Runs the shipped drill against a rehearsal region: the same runbook and examiner, with clients of the region. */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateDBSubnetGroupCommand } from '@aws-sdk/client-rds';
import { CreateBucketCommand, PutObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import { CreateSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import type { DrillDefinition, DrillRequest, Evidence } from '../../lambda/contract';
import { examine } from '../../lambda/detectors/examine';
import { drillRestore } from '../../lambda/drill/drill-restore';
import { documentOf, isPublicKey } from '../../lambda/evidence/documents';
import { EvidenceChain } from '../../lambda/evidence/evidence-chain';
import { Inventories } from '../../lambda/evidence/inventories';
import { keysUnder, readBytes } from '../../lambda/evidence/objects';
import type { Connection } from '../../lambda/examiner/protocol';
import { examinerOf } from '../../lambda/runbook/examiner-client';
import type { ProofPorts } from '../../lambda/runbook/ports';
import { durable } from '../../lambda/runbook/runbook';
import { type ClientOptions, rdsClient, s3Client, secretsManagerClient } from '../server/clients';
import { execute } from './durable-executions';
import { localSigner } from './local-signer';

export interface DrillEvents {
  /** A step or poll of the runbook begins. */
  readonly onStep?: (name: string) => void;
  /** The restored instance can be reached, and has not been examined yet. */
  readonly onCopy?: (connection: Connection) => Promise<void>;
  /** Ends the drill at its next wait, without cleaning up: for when the region goes, too. */
  readonly stop?: AbortSignal;
}

export interface DrillResult {
  readonly document: Evidence;
  /** Its files in the chain's folder: document, readable form, signature, public key and inventory, by path. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly key: string;
}

/** What the constructs would provision around drills. */
export class DrillSite {
  /** A key pair for each site, as each has a key in KMS. */
  private readonly signer = localSigner();

  private constructor(private readonly clients: ClientOptions) {}

  static async build(clients: ClientOptions): Promise<DrillSite> {
    const s3 = s3Client(clients);
    const { subnetGroup, passwordKey, evidenceBucket } = siteIn(clients.region);
    await Promise.all([
      rdsClient(clients).send(
        new CreateDBSubnetGroupCommand({
          DBSubnetGroupName: subnetGroup,
          DBSubnetGroupDescription: 'Subnets of restored instances, which have nothing else in them',
          SubnetIds: ['subnet-0d0a', 'subnet-0d0b'],
        }),
      ),
      secretsManagerClient(clients).send(
        new CreateSecretCommand({ Name: passwordKey, SecretString: randomBytes(48).toString('base64') }),
      ),
      s3.send(new CreateBucketCommand({ Bucket: evidenceBucket, ObjectLockEnabledForBucket: true })),
    ]);
    await s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket: evidenceBucket,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 365 } },
        },
      }),
    );
    return new DrillSite(clients);
  }

  get region(): string {
    return this.clients.region;
  }

  /** @throws when the runbook itself ends in an error, which a failed drill is not */
  async run(drill: RehearsedDrill, events: DrillEvents = {}): Promise<DrillResult> {
    const s3 = s3Client(this.clients);
    const secrets = secretsManagerClient(this.clients);
    // No certificate authority: this examiner connects within this machine, and refuses any other host.
    // The restored instance runs on this machine too: more connections than cores would slow each other down.
    const look = examine({ connections: Math.min(4, availableParallelism()) });
    const chainOf: ProofPorts['evidence'] = (of) => new EvidenceChain(s3, of.evidenceBucket, of, this.signer);
    const runbook = drillRestore({
      definition: wholeDefinition(drill, this.region),
      rds: rdsClient(this.clients),
      examiner: () =>
        examinerOf(async (task) => {
          if (task.task === 'server') await events.onCopy?.(task.connection);
          return look(task);
        }),
      secret: async (id) => (await secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '',
      evidence: chainOf,
      inventories: (of) => new Inventories(s3, of.evidenceBucket, of, chainOf(of)),
      // The metrics are for CloudWatch, which a rehearsal does not have.
      print: () => {},
    });
    const execution = await execute(
      (client) => durable(runbook, { durableExecutionClient: client }),
      { reason: 'rehearsal' } satisfies DrillRequest,
      {
        name: `rehearsal-${randomBytes(6).toString('hex')}`,
        clock: impatient(events.stop),
        onUpdate: ({ Name, Action }) => Action === 'START' && Name && events.onStep?.(Name),
      },
    );
    if (execution.status !== 'succeeded') {
      throw new Error(execution.status === 'failed' ? execution.error : 'the drill was stopped');
    }
    const { evidence: key } = execution.result as { evidence: string };
    const files = await this.evidenceBeside(key);
    const document = documentOf(files.get(basename(key)) ?? Buffer.alloc(0));
    if (!document)
      throw new Error(`evidence ${key} can't be read back, so the drill proves nothing; look at the region`);
    return { document, files, key };
  }

  /** A document, the files with its number, and those that belong to the whole chain. */
  private async evidenceBeside(key: string): Promise<ReadonlyMap<string, Buffer>> {
    const s3 = s3Client(this.clients);
    const { evidenceBucket } = siteIn(this.region);
    const [folder, number] = [dirname(key), basename(key, '.json')];
    const keys = await keysUnder(s3, evidenceBucket, `${folder}/`);
    const inventory = documentOf(await readBytes(s3, evidenceBucket, key))?.inventory?.key;
    const own = keys.filter(
      (other) => other === inventory || basename(other).startsWith(number) || isPublicKey(basename(other)),
    );
    const contents = own.map(async (each) => {
      return [each.slice(folder.length + 1), await readBytes(s3, evidenceBucket, each)] as const;
    });
    return new Map(await Promise.all(contents));
  }
}

/** What differs between drills; the site provides the rest. */
export type RehearsedDrill = Omit<
  DrillDefinition,
  'copy' | 'examiner' | 'passwordKey' | 'evidenceBucket' | 'signingKey'
>;

/** Names of sites: buckets have one namespace for all regions. */
const siteIn = (region: string) => ({
  subnetGroup: 'lifeboat-drills',
  passwordKey: `lifeboat/password-key-${region}`,
  evidenceBucket: `lifeboat-evidence-${region}`,
});

/** The definition as it would be deployed, with what the region's site has. */
export function wholeDefinition(drill: RehearsedDrill, region: string): DrillDefinition {
  const { subnetGroup, passwordKey, evidenceBucket } = siteIn(region);
  return {
    ...drill,
    copy: { prefix: 'lifeboat-rehearsal-', subnetGroup, securityGroups: ['sg-0d0d'], expiresAfterSeconds: 3600 },
    examiner: 'examiner',
    passwordKey,
    evidenceBucket,
    signingKey: 'signing-key',
  };
}

/** Real time, but with short waits: here a restore takes seconds, and polling often costs nothing. */
export const impatient = (stop?: AbortSignal) => ({
  now: Date.now,
  until: async (moment: number) => {
    await sleep(Math.min(Math.max(moment - Date.now(), 0), 40), undefined, { signal: stop });
  },
});
