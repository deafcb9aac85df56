import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ECRClient } from '@aws-sdk/client-ecr';
import { S3Client } from '@aws-sdk/client-s3';
import { App, Aws, Stack, Validations } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { type ImageExportRequest, imageExportRequest, parse } from '../../../lambda/contract';
import { exportImages } from '../../../lambda/images/export-images';
import { archive, archiveSize } from '../../../lambda/images/oci-archive';
import { ImageArchive, type ImageArchiveProps } from '../../../lib';
import type { Execution } from '../../../rehearsal/runbooks/durable-executions';
import { errorNamed } from '../../simulated/account';
import { runCrashing } from '../../simulated/crashes';
import { ACCOUNT, allows, REGION, resolved, statementsOf } from '../../template/policies';
import { newStack, Template } from '../../template/stacks';

const REQUEST: ImageExportRequest = { bucket: 'archive', prefix: 'images/', repositories: ['shop/web'], newest: 2 };
const digestOf = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const OCI = 'application/vnd.oci.image';

interface Input {
  readonly imageIds: { imageDigest: string }[];
  readonly layerDigest: string;
  readonly Prefix: string;
  readonly Key: string;
  readonly UploadId: string;
  readonly PartNumber: number;
  readonly Body: Buffer | string;
  readonly ChecksumAlgorithm?: string;
  readonly MultipartUpload: { Parts: { PartNumber: number; ChecksumCRC32?: string }[] };
}

/** A registry and a bucket in memory. */
class Registry {
  readonly blobs = new Map<string, Buffer>();
  readonly types = new Map<string, string>();
  readonly details: { imageDigest: string; imageTags?: string[]; imagePushedAt: Date }[] = [];
  readonly objects = new Map<string, Buffer>();
  readonly uploads = new Map<string, Map<number, Buffer>>();
  readonly calls: string[] = [];
  /** Images that a run exports at most. */
  most?: number;
  /** How many downloads break off. */
  breaks = 0;
  fault: (operation: string, count: number) => { error: Error; after?: boolean } | undefined = () => undefined;

  /** An image of nothing but a name. */
  empty(seed: string): string {
    return this.manifest(`${OCI}.manifest.v1+json`, { layers: [], annotations: { seed } });
  }

  /** An image for one machine, of two layers. */
  image(seed: string): string {
    const layers = [`base of all`.repeat(9000), `layer ${seed} `.repeat(5000)].map((text) =>
      this.blob(Buffer.from(text)),
    );
    const config = this.blob(Buffer.from(JSON.stringify({ seed })));
    return this.manifest(`${OCI}.manifest.v1+json`, { config, layers });
  }

  index(...digests: string[]): string {
    const manifests = digests.map((digest) => ({ digest, size: this.blobs.get(digest)!.length }));
    return this.manifest(`${OCI}.index.v1+json`, { manifests });
  }

  tag(imageDigest: string, day: number, ...imageTags: string[]): void {
    this.details.push({ imageDigest, imageTags, imagePushedAt: new Date(Date.UTC(2026, 10, day)) });
  }

  private blob(bytes: Buffer) {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  private manifest(mediaType: string, content: object): string {
    const { digest } = this.blob(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content })));
    this.types.set(digest, mediaType);
    return digest;
  }

  /** One run to its end. It crashes around the checkpoints named. */
  async run(request: Partial<ImageExportRequest> = {}, crashAt: readonly number[] = []): Promise<Execution> {
    const as = <T>(client: { prototype: T }): T =>
      Object.create(client.prototype as object, { send: { value: this.send } });
    const ports = {
      ecr: as(ECRClient),
      s3: as(S3Client),
      download: async (digest: string) => {
        const bytes = this.blobs.get(digest)!;
        const broken = this.breaks-- > 0;
        return (async function* () {
          for (let start = 0; start < bytes.length; start += 10_000) {
            if (broken && start > 0) throw new TypeError('terminated');
            yield bytes.subarray(start, start + 10_000);
          }
        })();
      },
    };
    let checkpoint = 0;
    return runCrashing(
      () => exportImages(ports, this.most),
      { ...REQUEST, ...request },
      { name: 'export', time: { now: Date.UTC(2026, 10, 22, 3) }, crashes: () => crashAt.includes(checkpoint++) },
    );
  }

  private readonly send = async (command: { readonly input: object }): Promise<unknown> => {
    const operation = command.constructor.name.replace(/Command$/, '');
    this.calls.push(operation);
    const fault = this.fault(operation, this.calls.filter((call) => call === operation).length);
    if (fault && !fault.after) throw fault.error;
    const answer = this.answer(operation, command.input as Input);
    if (fault) throw fault.error;
    return answer;
  };

  private answer(operation: string, input: Input): unknown {
    switch (operation) {
      case 'DescribeImages':
        return { imageDetails: this.details };
      case 'BatchGetImage': {
        const digest = input.imageIds[0]!.imageDigest;
        return {
          images: [{ imageManifest: String(this.blobs.get(digest)), imageManifestMediaType: this.types.get(digest) }],
        };
      }
      case 'GetDownloadUrlForLayer':
        return { downloadUrl: input.layerDigest };
      case 'ListObjectsV2':
        return {
          Contents: [...this.objects.keys()].filter((key) => key.startsWith(input.Prefix)).map((Key) => ({ Key })),
        };
      case 'PutObject':
        this.objects.set(input.Key, Buffer.from(input.Body));
        return {};
      case 'CreateMultipartUpload': {
        // The SDK sends a checksum with each part, which S3 takes only where it was told of them.
        if (input.ChecksumAlgorithm !== 'CRC32') throw errorNamed('InvalidRequest', 'Checksum Type mismatch occurred');
        const UploadId = `upload-${this.calls.length}`;
        this.uploads.set(UploadId, new Map());
        return { UploadId };
      }
      case 'UploadPart':
        this.uploads.get(input.UploadId)!.set(input.PartNumber, Buffer.from(input.Body));
        return { ETag: `"${input.PartNumber}"`, ChecksumCRC32: `crc-${input.PartNumber}` };
      case 'CompleteMultipartUpload': {
        const parts = this.uploads.get(input.UploadId)!;
        if (input.MultipartUpload.Parts.some((part) => part.ChecksumCRC32 !== `crc-${part.PartNumber}`)) {
          throw errorNamed('InvalidRequest', 'The complete request must include the checksum for each part');
        }
        const inOrder = input.MultipartUpload.Parts.map(({ PartNumber }) => parts.get(PartNumber)!);
        this.objects.set(input.Key, Buffer.concat(inOrder));
        this.uploads.delete(input.UploadId);
        return {};
      }
      case 'AbortMultipartUpload':
        if (!this.uploads.delete(input.UploadId)) throw errorNamed('NoSuchUpload', 'it is complete, or gone');
        return {};
      default:
        throw new Error(`${operation} is not modelled`);
    }
  }
}

const tars = ({ objects }: Registry) => [...objects.keys()].filter((key) => key.endsWith('.tar'));
const keyFor = (digest: string) => `images/shop/web/${digest.replace(':', '-')}.tar`;

describe('an archive', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeboat-image-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const unpacked = (bytes: Buffer) => {
    writeFileSync(join(folder, 'image.tar'), bytes);
    execFileSync('tar', ['-xf', 'image.tar'], { cwd: folder });
    return (path: string) => readFileSync(join(folder, path));
  };

  test('is an OCI layout of all machines, whose every blob is what its name says', async () => {
    const registry = new Registry();
    const machines = [registry.image('amd64'), registry.image('arm64')];
    const root = registry.index(...machines);
    registry.tag(root, 20, 'v2', 'latest');
    expect(await registry.run()).toMatchObject({ status: 'succeeded', result: { exported: [keyFor(root)] } });

    const read = unpacked(registry.objects.get(keyFor(root))!);
    expect(JSON.parse(String(read('oci-layout')))).toEqual({ imageLayoutVersion: '1.0.0' });
    const { manifests } = JSON.parse(String(read('index.json')));
    expect(
      manifests.map(({ digest, annotations }: { digest: string; annotations: object }) => [digest, annotations]),
    ).toEqual([
      [root, { 'org.opencontainers.image.ref.name': 'latest' }],
      [root, { 'org.opencontainers.image.ref.name': 'v2' }],
    ]);
    for (const digest of registry.blobs.keys()) {
      expect(digestOf(read(`blobs/${digest.replace(':', '/')}`))).toBe(digest);
    }
    const listed = execFileSync('tar', ['-tf', 'image.tar'], { cwd: folder, encoding: 'utf8' }).trim().split('\n');
    expect(listed).toHaveLength(2 + registry.blobs.size);
  });

  test('is as long as was said before, and writes sizes that tar reads, of 8 GiB and more, too', async () => {
    const entries = [0, 1, 512, 513].map((size) => ({ path: `blobs/${size}`, size, read: () => [Buffer.alloc(size)] }));
    const chunks: Uint8Array[] = [];
    for await (const chunk of archive(entries)) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toHaveLength(archiveSize(entries));

    const huge = 9 * 1024 ** 3;
    const [header] = [await archive([{ path: 'blobs/huge', size: huge, read: () => [] }]).next()];
    writeFileSync(join(folder, 'header.tar'), header!.value);
    // It complains of the bytes that don't follow, after it has told the size.
    const { stdout } = spawnSync('tar', ['-tvf', 'header.tar'], { cwd: folder, encoding: 'utf8' });
    expect(stdout).toContain(String(huge));
  });
});

describe('the export', () => {
  test('takes the newest images with a tag, once', async () => {
    const registry = new Registry();
    const [oldest, older, newest] = ['1', '2', '3'].map((seed) => registry.image(seed)) as [string, string, string];
    registry.tag(older, 2, 'v2');
    registry.tag(newest, 3, 'v3');
    registry.tag(oldest, 1, 'v1');
    await registry.run();
    expect(tars(registry)).toEqual([keyFor(newest), keyFor(older)]);
    expect(registry.objects.has('images/last-good.json')).toBe(true);
    expect(await registry.run()).toMatchObject({ result: { exported: [] } });
  });

  test('gives no name to an image whose layer is damaged, names it, and exports the others', async () => {
    const registry = new Registry();
    const [bad, good] = [registry.image('bad'), registry.image('good')];
    registry.tag(bad, 2, 'bad');
    registry.tag(good, 1, 'good');
    const damaged = [...registry.blobs.entries()].find(([, bytes]) => String(bytes).startsWith('layer bad'))!;
    registry.blobs.set(damaged[0], Buffer.from(String(damaged[1]).replace('bad', 'mad')));
    const run = await registry.run();
    expect(run).toMatchObject({
      status: 'failed',
      error: expect.stringContaining(`layer ${damaged[0]} was received with another digest`),
    });
    expect(tars(registry)).toEqual([keyFor(good)]);
    expect([registry.uploads.size, registry.objects.has('images/last-good.json')]).toEqual([0, false]);
  });

  test.each([
    ['throttled', 'UploadPart', errorNamed('ThrottlingException', 'slow down'), false],
    [
      'answered with 5xx',
      'BatchGetImage',
      Object.assign(errorNamed('ServerException', 'down'), { $metadata: { httpStatusCode: 500 } }),
      false,
    ],
    ['completed without an answer', 'CompleteMultipartUpload', errorNamed('TimeoutError', 'lost'), true],
  ])('is repeated when %s, and leaves no upload behind', async (_, at, error, after) => {
    const registry = new Registry();
    const digest = registry.image('1');
    registry.tag(digest, 1, 'v1');
    registry.fault = (operation, count) => (operation === at && count === 1 ? { error, after } : undefined);
    expect(await registry.run()).toMatchObject({ status: 'succeeded' });
    expect([tars(registry), registry.uploads.size]).toEqual([[keyFor(digest)], 0]);
  });

  test('tries again when the connection to a layer breaks off', async () => {
    const registry = new Registry();
    registry.tag(registry.image('one'), 20, 'v1');
    registry.breaks = 2;
    expect(await registry.run()).toMatchObject({ status: 'succeeded', result: { exported: [expect.any(String)] } });
    expect(registry.uploads.size).toBe(0);
  });

  test('leaves what is too much for one run to the next, and says so', async () => {
    const registry = new Registry();
    for (let image = 0; image < 5; image++) registry.tag(registry.empty(String(image)), 20, `v${image}`);
    registry.most = 3;
    const first = await registry.run({ newest: 5 });
    expect(first).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('2 more are left for the next run'),
    });
    expect(await registry.run({ newest: 5 })).toMatchObject({
      status: 'succeeded',
      result: { exported: { length: 2 } },
    });
  });

  test('survives a crash at any checkpoint', async () => {
    for (let crash = 0; crash < 12; crash++) {
      const registry = new Registry();
      const digests = [registry.image('1'), registry.image('2')];
      for (const [day, digest] of digests.entries()) registry.tag(digest, day + 1, `v${day}`);
      expect([crash, (await registry.run({}, [crash])).status, tars(registry).sort()]).toEqual([
        crash,
        'succeeded',
        digests.map(keyFor).sort(),
      ]);
    }
  });
});

describe('the construct', () => {
  const archived = (props: Partial<ImageArchiveProps> = {}) => {
    const stack = newStack();
    const repositories = [ecr.Repository.fromRepositoryName(stack, 'Web', 'shop/web')];
    const made = new ImageArchive(stack, 'Images', { repositories, ...props });
    const bucket = resolved(stack.resolve(made.bucket.bucketArn));
    return { template: Template.fromStack(stack), bucket };
  };

  test('looks every Sunday with a request that its runbook takes', () => {
    const { template } = archived();
    const schedules = Object.values(template.findResources('AWS::Scheduler::Schedule')).map(
      ({ Properties }) => Properties,
    );
    const [weekly] = schedules.filter(({ ScheduleExpression }) => ScheduleExpression === 'cron(0 3 ? * SUN *)');
    const request = parse(imageExportRequest, JSON.parse(resolved(weekly.Target.Input)), 'request');
    expect(request).toMatchObject({ repositories: ['shop/web'], newest: 5, prefix: 'images/' });
  });

  test('reads images of its repositories, writes archives, and can change or delete neither', () => {
    const { template, bucket } = archived();
    const statements = statementsOf(template, /^ImagesHandlerRole/);
    const may = (action: string, resource: string) => allows(statements, { action, resources: [resource] });
    const web = `arn:aws:ecr:${REGION}:${ACCOUNT}:repository/shop/web`;
    expect([may('ecr:BatchGetImage', web), may('ecr:BatchGetImage', web.replace('web', 'other'))]).toEqual([
      true,
      false,
    ]);
    for (const action of ['ecr:PutImage', 'ecr:BatchDeleteImage']) expect(may(action, web)).toBe(false);
    expect(may('s3:PutObject', `${bucket}/images/shop/web/x.tar`)).toBe(true);
    for (const action of ['s3:DeleteObject', 's3:DeleteObjectVersion'])
      expect(may(action, `${bucket}/images/shop/web/x.tar`)).toBe(false);
  });

  test.each<[string, Partial<ImageArchiveProps>, RegExp]>([
    [
      'no repository',
      { repositories: [] },
      /: *\n {2}'repositories' is empty, so nothing would be exported; name those/,
    ],
    ['no image', { newest: 0 }, /: *\n {2}'newest' is 0, not a whole number from 1, so nothing would be exported; set/],
    ['both at once', { repositories: [], newest: 1.5 }, /'repositories' is empty.*\n {2}'newest' is 1.5/],
  ])('refuses %s', (_, props, why) => {
    expect(() => archived(props)).toThrow(why);
  });

  test('refuses a prefix that may have no slash at its end, and takes one that has', () => {
    const prefix = Aws.STACK_NAME;
    expect(() => archived({ prefix })).toThrow(
      /: 'prefix' is unknown until deployment, .* append the slash to it here$/,
    );
    expect(() => archived({ prefix: `${prefix}/` })).not.toThrow();
  });

  test('takes a single image', () => {
    expect(() => archived({ newest: 1 })).not.toThrow();
  });

  test.each(['Errors', 'DurableExecutionFailed', 'DurableExecutionTimedOut'])('rings on %s', (MetricName) => {
    archived().template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName, Namespace: 'AWS/Lambda' });
  });

  test("passes cdk-nag's packs in a stack of its own", () => {
    const app = new App();
    const stack = new Stack(app, 'Images');
    const masterKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
    const notify = new sns.Topic(stack, 'Alerts', { masterKey, enforceSSL: true });
    new ImageArchive(stack, 'Archive', {
      repositories: [ecr.Repository.fromRepositoryName(stack, 'Web', 'shop/web')],
      notify,
    });
    const packs = [AwsSolutionsChecks, NIST80053R5Checks, HIPAASecurityChecks].map((Pack) => new Pack(app));
    Validations.of(app).addPlugins(...packs);
    expect(() => app.synth()).not.toThrow();
  });

  test('what holds archives keeps its logical ID', () => {
    const { template } = archived();
    const ids = ['AWS::S3::Bucket', 'AWS::KMS::Key'].flatMap((type) => Object.keys(template.findResources(type)));
    expect(ids.sort()).toEqual(['ImagesArchiveAccessLogsF8455EA6', 'ImagesArchiveBucket8A3985A6', 'ImagesKey72752799']);
  });
});
