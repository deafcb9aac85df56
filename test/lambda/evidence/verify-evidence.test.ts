import { type ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { EVIDENCE_SCHEMA } from '../../../lambda/contract';
import { type Content, contentOf } from '../../../lambda/evidence/content';
import { bytesOf, sha256Of, signatureName } from '../../../lambda/evidence/documents';
import { EvidenceChain } from '../../../lambda/evidence/evidence-chain';
import { type Signer, toPem, type VerificationKey } from '../../../lambda/evidence/signing';
import { filesInBucket, type StoredFile } from '../../../lambda/evidence/stored-files';
import { verifyEvidence } from '../../../lambda/evidence/verify-evidence';
import { localSigner } from '../../../rehearsal/runbooks/local-signer';
import { draft } from '../../simulated/evidence';
import { QUIET, SimulatedRegion } from '../../simulated/region';

/** Larger than any document of Lifeboat's. */
const HUGE = 'x'.repeat(5 * 1024 ** 2);
const PREFIX = 'evidence/Protection/Orders/';

/** A bucket's files, with a chain of so many documents, to be tampered with. */
async function bucket(documents: number, signer: Signer = localSigner()) {
  const region = new SimulatedRegion(Date.now, () => 0.5, QUIET);
  const of = { plan: 'Protection', target: 'Orders' };
  const chainOf = (by: Signer) =>
    new EvidenceChain(
      region.s3(() => true),
      'evidence',
      of,
      by,
    );
  const append = async (run: string, by = signer) => chainOf(by).append(draft(run));
  for (let run = 1; run <= documents; run++) await append(`run-${run}`);
  const hidden = new Set<string>();
  const earlier = new Map<string, string[]>();
  const files = (): StoredFile[] =>
    [...region.objects.keys()].flatMap((key) => {
      const version = (isLatest: boolean, isDeleteMarker: boolean, read: () => Promise<Content>) => ({
        key,
        isLatest,
        isDeleteMarker,
        read,
      });
      return [
        ...(hidden.has(key) ? [version(true, true, () => Promise.reject(new Error('no content')))] : []),
        version(!hidden.has(key), false, async () => contentOf([await region.bytesOf(key)])),
        ...(earlier.get(key) ?? []).map((body) => version(false, false, async () => contentOf([Buffer.from(body)]))),
      ];
    });
  const verify = async (trusted?: VerificationKey[]) => {
    const { proven, chains } = await verifyEvidence(files(), { trusted });
    const [chain] = chains;
    const problems = chain?.problems.map(({ kind, file }) => `${kind}: ${file}`) ?? [];
    return { proven, chains, chain, problems };
  };
  const remove = (name: string | RegExp) => {
    for (const key of [...region.objects.keys()]) {
      const own = key.slice(PREFIX.length);
      if (typeof name === 'string' ? own === name : name.test(own)) region.objects.delete(key);
    }
  };
  return { region, signer, append, verify, remove, hidden, earlier, objects: region.objects };
}

const name = (sequence: number) => `0000000${sequence}.json`;

test('a chain as drills write it is proven', async () => {
  const { verify, signer } = await bucket(3);
  const { proven, chain } = await verify();
  expect(proven).toBe(true);
  expect(chain).toEqual({
    folder: 'evidence/Protection/Orders',
    documents: 3,
    signed: 3,
    keys: [(await signer.publicKey()).fingerprint],
    newest: { document: name(3), outcome: 'passed', finished: '2026-11-01T10:20:00.000Z' },
    problems: [],
    notes: [],
  });
  expect((await verify([await signer.publicKey()])).proven).toBe(true);
});

test('nothing at all is no proof', async () => {
  expect(await verifyEvidence([])).toEqual({ proven: false, keysNamed: false, chains: [] });
  const { objects, verify } = await bucket(0);
  objects.set(`${PREFIX}watched-since-Monthly.json`, '{}');
  expect(await verify()).toMatchObject({ proven: false, chains: [] });
});

type Bucket = Awaited<ReturnType<typeof bucket>>;

/** What somebody may do to a chain of five documents, and what is said of it. */
const TAMPERING: readonly [string, (with_: Bucket) => unknown, readonly string[]][] = [
  ['removes a document', ({ remove }) => remove(name(3)), [`gap: ${name(3)}`]],
  ['removes the first', ({ remove }) => remove(/^00000001/), [`gap: ${name(1)}`]],
  ['removes the last', ({ remove }) => remove(name(5)), [`gap: ${name(5)}`]],
  ['removes three', ({ remove }) => remove(/^0000000[234]/), [`gap: ${name(2)}`]],
  ['hides one by a delete marker', ({ hidden }) => void hidden.add(PREFIX + name(3)), [`hidden: ${name(3)}`]],
  ['hides the last', ({ hidden }) => void hidden.add(PREFIX + name(5)), [`hidden: ${name(5)}`]],
  [
    'alters a document',
    ({ objects }) => {
      const text = String(objects.get(PREFIX + name(3)));
      objects.set(PREFIX + name(3), text.replace('"run-3"', '"run-x"'));
    },
    [`altered: ${name(3)}`],
  ],
  [
    'alters one and removes its signature',
    ({ objects, remove }) => {
      objects.set(PREFIX + name(3), String(objects.get(PREFIX + name(3))).replace('"run-3"', '"run-x"'));
      remove(/^00000003\..*sig$/);
    },
    [`unsigned: ${name(3)}`],
  ],
  [
    'writes over one, with the same bytes or not',
    ({ earlier }) => void earlier.set(PREFIX + name(3), ['what was there before']),
    [`altered: ${name(3)}`],
  ],
  ['removes a signature', ({ remove }) => remove(/^00000002\..*sig$/), [`unsigned: ${name(2)}`]],
  [
    'puts a signature of garbage',
    ({ objects }) => {
      const key = [...objects.keys()].find((own) => /00000002.*sig$/.test(own));
      objects.set(String(key), 'garbage');
    },
    [`wrongly signed: ${name(2)}`],
  ],
  [
    'puts a document of 5 MB at the end',
    ({ objects }) => void objects.set(PREFIX + name(6), HUGE),
    [`unreadable: ${name(6)}`],
  ],
  [
    'puts a signature of 5 MB',
    ({ objects }) => {
      const key = [...objects.keys()].find((own) => /00000002.*sig$/.test(own));
      objects.set(String(key), HUGE);
    },
    [`wrongly signed: ${name(2)}`],
  ],
  ['puts garbage at the end', ({ objects }) => void objects.set(PREFIX + name(6), 'x'), [`unreadable: ${name(6)}`]],
  [
    'puts garbage at the last number there is',
    ({ objects }) => void objects.set(`${PREFIX}99999999.json`, 'x'),
    [`gap: ${name(6)}`, 'unreadable: 99999999.json'],
  ],
  [
    'appends a document without a signature',
    ({ objects }) => {
      const before = Buffer.from(String(objects.get(PREFIX + name(5))));
      const previous = { key: PREFIX + name(5), sha256: sha256Of(before) };
      objects.set(PREFIX + name(6), bytesOf({ ...draft('forged'), sequence: 6, previous }).toString());
    },
    [`unsigned: ${name(6)}`],
  ],
  [
    'appends one of the format that had no signatures',
    ({ objects }) => {
      const before = Buffer.from(String(objects.get(PREFIX + name(5))));
      const previous = { key: PREFIX + name(5), sha256: sha256Of(before) };
      const forged = { ...draft('forged'), schema: 'lifeboat/evidence/1', sequence: 6, previous };
      objects.set(PREFIX + name(6), bytesOf(forged).toString());
    },
    [`unsigned: ${name(6)}`],
  ],
  [
    'writes another readable form',
    ({ objects }) => void objects.set(`${PREFIX}00000003.md`, '# Orders: drill passed'),
    ['altered: 00000003.md'],
  ],
  [
    'has taken the place of a readable form beforehand',
    async ({ objects, append }) => {
      objects.set(`${PREFIX}00000006.md`, '# Orders: drill passed');
      await append('run-6');
    },
    ['altered: 00000006.md'],
  ],
  [
    'puts another key in the place of the one that lies there',
    async ({ objects }) => {
      const pem = [...objects.keys()].find((key) => key.endsWith('.pem'));
      objects.set(String(pem), toPem(await localSigner().publicKey()));
    },
    [expect.stringMatching(/^altered: public-key-.*pem$/)],
  ],
  [
    'moves a signed document to another place',
    ({ objects, region }) => {
      for (const key of [...objects.keys()]) {
        if (!/00000002\.(json|sha256.*)$/.test(key)) continue;
        region.copy(key, key.replace('00000002', '00000006'));
      }
    },
    [`misplaced: ${name(6)}`],
  ],
];

test.each(TAMPERING)('somebody who %s is found out', async (_, tamper, found) => {
  const tampered = await bucket(5);
  expect((await tampered.verify()).problems).toEqual([]);
  await tamper(tampered);
  const { proven, problems, chain } = await tampered.verify([await tampered.signer.publicKey()]);
  expect(proven).toBe(false);
  expect(problems.sort()).toEqual([...found].sort());
  for (const { file, says } of chain?.problems ?? []) expect(says.startsWith(file)).toBe(true);
});

test('two documents for one place, both signed, are a fork', async () => {
  const signer = localSigner();
  const { objects, verify, region } = await bucket(3, signer);
  // The key's owner signs another second document, and leaves the third.
  const previous = { key: PREFIX + name(1), sha256: sha256Of(Buffer.from(String(objects.get(PREFIX + name(1))))) };
  const other = bytesOf({ ...draft('other'), sequence: 2, previous });
  objects.set(PREFIX + name(2), other.toString());
  region.write(PREFIX + signatureName(2, sha256Of(other)), Buffer.from(await signer.sign(other)));
  expect((await verify()).problems).toEqual([`fork: ${name(3)}`]);
});

test('a document of another target is misplaced, though its signature verifies', async () => {
  const { region, verify, signer } = await bucket(0);
  const s3 = region.s3(() => true);
  const other = { plan: 'Protection', target: 'Other' };
  await new EvidenceChain(s3, 'evidence', other, signer).append(draft('a', other));
  for (const key of [...region.objects.keys()]) region.copy(key, PREFIX + key.split('/').at(-1));
  for (const key of [...region.objects.keys()]) if (key.includes('/Other/')) region.objects.delete(key);
  expect((await verify()).problems).toEqual([`misplaced: ${name(1)}`]);
});

describe('keys', () => {
  test('that are not trusted have signed nothing', async () => {
    const { verify } = await bucket(2);
    const stranger = await localSigner().publicKey();
    const { proven, chain } = await verify([stranger]);
    // Their signatures verify with the key that lies beside them, and nobody vouches for that.
    expect(chain?.problems).toEqual([
      {
        kind: 'wrongly signed',
        file: name(2),
        says: expect.stringMatching(/only lies beside it.*no document is signed with a trusted key/),
      },
    ]);
    expect(proven).toBe(false);
  });

  test('may be replaced by others, and not come back', async () => {
    const { verify, append } = await bucket(2);
    const successor = localSigner();
    await append('run-3', successor);
    const trusted = [await successor.publicKey()];
    expect(await verify(trusted)).toMatchObject({
      proven: true,
      chain: { notes: [expect.stringMatching(/^2 documents/)] },
    });
    await append('run-4');
    expect((await verify(trusted)).problems).toEqual([`wrongly signed: ${name(4)}`]);
  });

  test('that are added with a document of their own vouch for nothing, unless they are named', async () => {
    const { verify, append, signer } = await bucket(2);
    const other = localSigner();
    await append('forged', other);
    const { proven, chain } = await verify();
    expect(proven).toBe(false);
    expect(chain?.problems).toEqual([
      {
        kind: 'wrongly signed',
        file: name(3),
        says: expect.stringMatching(/is signed with key .* and those before it with/),
      },
    ]);
    expect(chain?.problems[0]?.says).toMatch(/--key/);
    expect((await verify([await signer.publicKey()])).proven).toBe(false);
    expect((await verify([await signer.publicKey(), await other.publicKey()])).proven).toBe(true);
  });

  test('that lie there and are none are told', async () => {
    const { objects, verify } = await bucket(1);
    objects.set(`${PREFIX}public-key-0123456789abcdef.pem`, 'x');
    expect((await verify()).problems).toEqual(['unreadable: public-key-0123456789abcdef.pem']);
  });
});

describe('documents of other versions', () => {
  test('of the format before signatures, at the start of a chain, are told and are no problem', async () => {
    const { objects, verify, append } = await bucket(0);
    const old = { ...draft('old'), schema: 'lifeboat/evidence/1', sequence: 1, previous: null };
    objects.set(PREFIX + name(1), bytesOf(old).toString());
    expect((await verify()).proven).toBe(false);
    await append('new');
    expect(await verify()).toMatchObject({
      proven: true,
      chain: { signed: 1, documents: 2, notes: [expect.any(String)] },
    });
    objects.set(PREFIX + name(1), bytesOf({ ...old, run: 'altered' }).toString());
    expect((await verify()).problems).toEqual([`altered: ${name(1)}`]);
  });

  test('of a newer format are proven by their signature, and may be proof of a drill', async () => {
    const signer = localSigner();
    const { objects, region, verify, append } = await bucket(1, signer);
    const previous = { key: PREFIX + name(1), sha256: sha256Of(Buffer.from(String(objects.get(PREFIX + name(1))))) };
    const newer = { ...draft('newer'), schema: 'lifeboat/evidence/9', sequence: 2, previous };
    const bytes = Buffer.from(JSON.stringify({ ...newer, phases: [{ phase: 'a', seconds: 1, by: {} }], more: [1] }));
    region.write(PREFIX + name(2), bytes);
    region.write(PREFIX + signatureName(2, sha256Of(bytes)), Buffer.from(await signer.sign(bytes)));
    await append('run-3');
    expect(await verify()).toMatchObject({ proven: true, chain: { signed: 3 } });
    const chain = new EvidenceChain(
      region.s3(() => true),
      'evidence',
      { plan: 'Protection', target: 'Orders' },
      signer,
    );
    expect((await chain.lastPassed(({ run }) => run === 'newer'))?.run).toBe('newer');
    expect(EVIDENCE_SCHEMA).not.toBe(newer.schema);
  });
});

test('all pages of versions are read, whatever their number', async () => {
  const pages: Record<string, object> = {
    '': { Versions: [{ Key: 'a', IsLatest: true }], IsTruncated: true, NextKeyMarker: 'a', NextVersionIdMarker: '1' },
    'a 1': { DeleteMarkers: [{ Key: 'b', IsLatest: true }], IsTruncated: true, NextKeyMarker: 'b' },
    'b ': { Versions: [{ Key: 'b', IsLatest: false }] },
  };
  const s3: S3Client = Object.create(S3Client.prototype, {
    send: {
      value: async ({ input: { KeyMarker, VersionIdMarker = '' } }: ListObjectVersionsCommand) =>
        pages[KeyMarker === undefined ? '' : `${KeyMarker} ${VersionIdMarker}`],
    },
  });
  const files = await filesInBucket(s3, 'bucket', '');
  expect(files.map(({ key, isLatest, isDeleteMarker }) => [key, isLatest, isDeleteMarker])).toEqual([
    ['a', true, false],
    ['b', true, true],
    ['b', false, false],
  ]);
});

test('a target may be called as the folder of inventories is', async () => {
  const region = new SimulatedRegion(Date.now, () => 0.5, QUIET);
  const of = { plan: 'Protection', target: 'inventories' };
  const chain = new EvidenceChain(
    region.s3(() => true),
    'evidence',
    of,
    localSigner(),
  );
  await chain.append(draft('a', of));
  const file = (key: string) => ({
    key,
    isLatest: true,
    isDeleteMarker: false,
    read: async () => contentOf([await region.bytesOf(key)]),
  });
  expect(await verifyEvidence([...region.objects.keys()].map(file))).toMatchObject({ proven: true });
});

describe('inventories', () => {
  const key = `${PREFIX}inventories/123456789012.json`;
  const inventory = { key, sha256: sha256Of(Buffer.from('{}')), databases: ['orders'] };
  const held = async () => {
    const { region, signer, objects, verify } = await bucket(1);
    const chain = new EvidenceChain(
      region.s3(() => true),
      'evidence',
      { plan: 'Protection', target: 'Orders' },
      signer,
    );
    await chain.append(draft('with-inventory', { inventory }));
    objects.set(key, '{}');
    return { objects, verify };
  };

  test('are files of their chain, and no chain themselves, though their names are numbers', async () => {
    const { verify } = await held();
    expect(await verify()).toMatchObject({ proven: true, chains: [{ documents: 2, problems: [] }] });
  });

  test('that are altered or gone are found out', async () => {
    const { objects, verify } = await held();
    objects.set(key, '{"databases":[]}');
    expect((await verify()).problems).toEqual(['altered: inventories/123456789012.json']);
    objects.delete(key);
    expect((await verify()).problems).toEqual(['gap: inventories/123456789012.json']);
  });
});
