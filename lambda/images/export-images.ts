/**
 * Runbook: export a system's container images to S3, each as an OCI archive, so that they outlive their registry.
 *
 * An image is identified by its digest, so an archive that exists is complete, and is left alone. Each part's digest is
 * verified while it is copied, and an upload is completed only after the last one, so a partial archive is never
 * visible.
 */
import { createHash } from 'node:crypto';
import {
  BatchGetImageCommand,
  ECRClient,
  GetDownloadUrlForLayerCommand,
  paginateDescribeImages,
} from '@aws-sdk/client-ecr';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type ImageExportRequest, imageExportRequest, type LastGood, lastGoodKey, parse } from '../contract';
import { describe, type Runbook, shipped } from '../runbook/runbook';
import { archive, archiveSize, type Entry } from './oci-archive';

export interface ImagePorts {
  readonly ecr: ECRClient;
  readonly s3: S3Client;
  /** Reads a layer from where ECR says that it is. */
  readonly download: (url: string) => Promise<AsyncIterable<Uint8Array>>;
}

interface Image {
  readonly repository: string;
  readonly digest: string;
  readonly tags: readonly string[];
}

export interface ExportedImages {
  /** Keys of the archives that were made. */
  readonly exported: readonly string[];
}

/** Two operations each, of the 3,000 that an execution may have; what fails takes more. */
const MAX_IMAGES = 700;

/** @throws after having tried them all, when some could not be exported */
export const exportImages =
  (ports: ImagePorts, most = MAX_IMAGES) =>
  async (input: unknown, runbook: Runbook): Promise<ExportedImages> => {
    const request = parse(imageExportRequest, input, 'image export request');
    const missing = await runbook.step('find what is not exported', () => notExported(ports, request));
    const exported: string[] = [];
    const failures: string[] = [];
    for (const image of missing.slice(0, most)) {
      const name = `${image.repository}@${image.digest.slice(0, 19)}`;
      try {
        exported.push(await runbook.step(`export ${name}`, () => exportImage(ports, request, image)));
      } catch (error) {
        failures.push(`${name}: ${describe(error)}`);
      }
      await runbook.rest(`before the next after ${name}`);
    }
    if (missing.length > most) failures.push(`${missing.length - most} more are left for the next run`);
    if (failures.length > 0) throw new Error(`some images could not be exported:\n  ${failures.join('\n  ')}`);
    await runbook.step('say that all are', async () => {
      const good: LastGood = { finished: runbook.now.toISOString() };
      const Body = JSON.stringify(good);
      await ports.s3.send(new PutObjectCommand({ Bucket: request.bucket, Key: lastGoodKey(request.prefix), Body }));
    });
    return { exported };
  };

const keyOf = ({ prefix }: ImageExportRequest, { repository, digest }: Image) =>
  `${prefix}${repository}/${digest.replace(':', '-')}.tar`;

/** The newest images with a tag, but for those whose archive is there. */
async function notExported({ ecr, s3 }: ImagePorts, request: ImageExportRequest): Promise<Image[]> {
  const there = new Set<string>();
  const { bucket, prefix, repositories, newest } = request;
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key = '' } of Contents) there.add(Key);
  }
  const images: Image[] = [];
  for (const repositoryName of repositories) {
    const found: { image: Image; pushed: number }[] = [];
    const tagged = { repositoryName, filter: { tagStatus: 'TAGGED' as const } };
    for await (const { imageDetails = [] } of paginateDescribeImages({ client: ecr }, tagged)) {
      for (const { imageDigest = '', imageTags = [], imagePushedAt } of imageDetails) {
        const image = { repository: repositoryName, digest: imageDigest, tags: [...imageTags].sort() };
        found.push({ image, pushed: imagePushedAt?.getTime() ?? 0 });
      }
    }
    found.sort((one, other) => other.pushed - one.pushed);
    images.push(...found.slice(0, newest).map(({ image }) => image));
  }
  return images.filter((image) => !there.has(keyOf(request, image)));
}

interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size: number;
  /** Layers that are stored elsewhere, and may not be redistributed. */
  readonly urls?: readonly string[];
}

/** What an image and a list of images for several machines have, in one. */
interface Manifest {
  readonly mediaType?: string;
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

async function exportImage(ports: ImagePorts, request: ImageExportRequest, image: Image): Promise<string> {
  const blobs = new Map<string, Entry>();
  const root = await collect(ports, image.repository, image.digest, blobs);
  const names = image.tags.map((tag) => ({ 'org.opencontainers.image.ref.name': tag }));
  const index = { schemaVersion: 2, manifests: names.map((annotations) => ({ ...root, annotations })) };
  const entries = [
    text('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })),
    text('index.json', JSON.stringify(index)),
    ...blobs.values(),
  ];
  const key = keyOf(request, image);
  await upload(ports.s3, request.bucket, key, entries);
  return key;
}

/** Adds a manifest and all that it names; each once, however many machines share it. */
async function collect(
  ports: ImagePorts,
  repositoryName: string,
  digest: string,
  blobs: Map<string, Entry>,
): Promise<Descriptor> {
  const { images = [], failures = [] } = await ports.ecr.send(
    new BatchGetImageCommand({ repositoryName, imageIds: [{ imageDigest: digest }], acceptedMediaTypes: MANIFESTS }),
  );
  const [found] = images;
  if (!found?.imageManifest) {
    throw new Error(`manifest ${digest} was not found: ${failures[0]?.failureReason ?? 'ECR gives no reason'}`);
  }
  const bytes = Buffer.from(found.imageManifest);
  if (sha256(bytes) !== digest)
    throw new Error(`manifest ${digest} was received with another digest, ${sha256(bytes)}`);
  const manifest = JSON.parse(found.imageManifest) as Manifest;
  blobs.set(digest, text(pathOf(digest), found.imageManifest));
  for (const child of manifest.manifests ?? []) await collect(ports, repositoryName, child.digest, blobs);
  for (const blob of [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])]) {
    if (blob.urls?.length || blobs.has(blob.digest)) continue;
    blobs.set(blob.digest, {
      path: pathOf(blob.digest),
      size: blob.size,
      read: () => layer(ports, repositoryName, blob.digest),
    });
  }
  return { mediaType: found.imageManifestMediaType ?? manifest.mediaType, digest, size: bytes.length };
}

/** @throws when the layer has another digest */
async function* layer({ ecr, download }: ImagePorts, repositoryName: string, layerDigest: string) {
  const { downloadUrl = '' } = await ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest }));
  const hash = createHash('sha256');
  try {
    for await (const chunk of await download(downloadUrl)) {
      hash.update(chunk);
      yield chunk;
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Steps retry errors of this name, as those of a connection that broke off.
    throw Object.assign(new Error(`layer ${layerDigest} broke off: ${error.message}`), { name: 'TimeoutError' });
  }
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest !== layerDigest) throw new Error(`layer ${layerDigest} was received with another digest, ${digest}`);
}

/** S3 takes 10,000 parts, all but the last of 5 MiB at least. */
const PARTS = 9000;
const LEAST = 16 * 1024 * 1024;

async function upload(s3: S3Client, Bucket: string, Key: string, entries: readonly Entry[]): Promise<void> {
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ContentType: 'application/x-tar', ChecksumAlgorithm: 'CRC32' }),
  );
  try {
    const parts: CompletedPart[] = [];
    const partSize = Math.max(LEAST, Math.ceil(archiveSize(entries) / PARTS));
    for await (const Body of inParts(archive(entries), partSize)) {
      const PartNumber = parts.length + 1;
      const part = { Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm: 'CRC32' } as const;
      const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand(part));
      parts.push({ ETag, ChecksumCRC32, PartNumber });
    }
    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts } }));
  } catch (error) {
    // Its parts would be billed unseen. If aborting fails too, the bucket's lifecycle does it.
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => {});
    throw error;
  }
}

async function* inParts(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let gathered: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    gathered.push(chunk);
    length += chunk.length;
    if (length < size) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(gathered);
}

function text(path: string, content: string): Entry {
  const bytes = Buffer.from(content);
  return { path, size: bytes.length, read: () => [bytes] };
}

const pathOf = (digest: string) => `blobs/${digest.replace(':', '/')}`;
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function download(url: string): Promise<AsyncIterable<Uint8Array>> {
  const response = await fetch(url);
  // Steps retry a failure of S3, which they recognise by its status, as in answers of the SDK.
  if (!response.ok || !response.body) {
    const $metadata = { httpStatusCode: response.status };
    throw Object.assign(new Error(`the download of a layer failed with status ${response.status}`), { $metadata });
  }
  return response.body as unknown as AsyncIterable<Uint8Array>;
}

export const handler = shipped(exportImages, () => ({ ecr: new ECRClient(), s3: new S3Client(), download }));
