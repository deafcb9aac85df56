/**
 * The Fargate task of a logical dump: a container of PostgreSQL's image dumps, one of the AWS CLI's image stores, and
 * they share pipes in a folder. So no image has to be built, and no archive is on disk.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { lastMadeKey, METRICS } from '../../lambda/contract';
import { addAlarm } from '../alarm/alarm';
import { allow, backupAccess } from '../function/statements';
import { removalPolicyOf } from '../synth/enclosing-plan';
import { acknowledge, acknowledgeWildcards } from '../synth/nag-acknowledgements';
import { pathName } from '../synth/names';
import type { DumpSource } from './dump-source';

export interface DumpTaskProps {
  /** Part of all keys. */
  readonly backupName: string;
  readonly bucket: s3.IBucket;
  /** The rarest first. */
  readonly tiers: readonly string[];
  /** Prefix of success markers. */
  readonly markers: string;
  readonly source: DumpSource;
  readonly databaseName: string;
  readonly credentials: secretsmanager.ISecret;
  /**
   * Storage class of archives. Manifests and markers are small, and always in S3 Standard.
   *
   * @default - S3 Standard
   */
  readonly storageClass?: s3.StorageClass;
  readonly postgres: ecs.ContainerImage;
  readonly awsCli: ecs.ContainerImage;
  readonly cpu: number;
  readonly memoryMiB: number;
  /** After how long the dump is canceled. */
  readonly timeout: Duration;
  readonly encryptionKey: kms.IKey;
}

/** The folder with the pipes in both containers. */
const WORK = '/pipes';

export class DumpTask extends Construct {
  public readonly definition: ecs.FargateTaskDefinition;
  public readonly log: logs.ILogGroup;
  /** The roles that the scheduler has to pass to the task. */
  public readonly roles: iam.IRole[];

  constructor(scope: Construct, id: string, props: DumpTaskProps) {
    super(scope, id);
    this.log = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_YEAR,
      encryptionKey: props.encryptionKey,
      removalPolicy: removalPolicyOf(this),
    });
    // RDS's authorities are too long for the environment.
    const authorities =
      props.source.trust === 'RDS' ? new Asset(this, 'Authorities', { path: shipped('rds-ca.pem') }) : undefined;
    const principal = new iam.ServicePrincipal('ecs-tasks.amazonaws.com');
    const taskRole = new iam.Role(this, 'Role', { assumedBy: principal });
    const executionRole = new iam.Role(this, 'ExecutionRole', { assumedBy: principal });
    this.roles = [taskRole, executionRole];
    this.letStore(taskRole, props, authorities);
    const starting = this.letStart(executionRole, props);

    this.definition = this.definitionOf(props, taskRole, executionRole);
    this.definition.node.addDependency(starting);
    this.addDumpContainer(props);
    this.addStoreContainer(props, authorities);
  }

  /** Permissions of the task: to write dumps, and to read the authorities that it trusts. */
  private letStore(role: iam.IRole, { bucket, backupName, tiers, markers }: DumpTaskProps, authorities?: Asset): void {
    const prefixes = [...tiers.map((tier) => `${tier}/${backupName}/`), markers];
    const policy = new iam.ManagedPolicy(this, 'Policy', {
      roles: [role],
      statements: [
        ...backupAccess(bucket, ...prefixes),
        ...(authorities ? [allow(['s3:GetObject'], [authorities.bucket.arnForObjects(authorities.s3ObjectKey)])] : []),
      ],
    });
    acknowledgeWildcards(policy, 'Dumps are named by date, under prefixes of their own.');
  }

  /** Permissions of ECS to start the containers. */
  private letStart(role: iam.Role, props: DumpTaskProps): iam.ManagedPolicy {
    const policy = new iam.ManagedPolicy(this, 'ExecutionPolicy', {
      roles: [role],
      statements: this.startPermissions(props),
    });
    acknowledgeWildcards(policy, "Names of log streams are known only at run time, and ECR's token has no ARN.");
    return policy;
  }

  private definitionOf({ cpu, memoryMiB }: DumpTaskProps, taskRole: iam.Role, executionRole: iam.Role) {
    const definition = new ecs.FargateTaskDefinition(this, 'Definition', {
      cpu,
      memoryLimitMiB: memoryMiB,
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      taskRole: taskRole.withoutPolicyUpdates(),
      executionRole: executionRole.withoutPolicyUpdates(),
      volumes: [{ name: 'pipes' }],
    });
    acknowledge(definition, 'plain settings');
    return definition;
  }

  private addDumpContainer({ postgres, timeout, source, databaseName, credentials }: DumpTaskProps): void {
    const command = [
      'timeout',
      '--kill-after=60',
      String(timeout.toSeconds()),
      'bash',
      '-c',
      script(),
      'dump.sh',
      'dump',
    ];
    this.container('dump', postgres, command, {
      environment: {
        PGHOST: source.host,
        PGPORT: source.port,
        PGDATABASE: databaseName,
        ...encryption(source),
        // A database that doesn't answer fails the dump before the timeout.
        PGCONNECT_TIMEOUT: '30',
      },
      secrets: {
        PGUSER: ecs.Secret.fromSecretsManager(credentials, 'username'),
        PGPASSWORD: ecs.Secret.fromSecretsManager(credentials, 'password'),
      },
    });
  }

  private addStoreContainer(props: DumpTaskProps, authorities?: Asset): void {
    this.container('store', props.awsCli, ['bash', '-c', script(), 'dump.sh', 'store'], {
      environment: {
        BUCKET: props.bucket.bucketName,
        NAME: props.backupName,
        TIERS: props.tiers.join(' '),
        LAST_READABLE: lastMadeKey(props.markers, 'readable'),
        ...(authorities && { CA_BUNDLE: authorities.s3ObjectUrl }),
        ...(props.storageClass && { STORAGE_CLASS: props.storageClass.value }),
      },
    });
  }

  private container(
    name: string,
    image: ecs.ContainerImage,
    command: string[],
    settings: Pick<ecs.ContainerDefinitionOptions, 'environment' | 'secrets'>,
  ): void {
    const container = this.definition.addContainer(name, {
      image,
      entryPoint: [command[0] as string],
      command: command.slice(1),
      essential: true,
      logging: ecs.LogDrivers.awsLogs({ logGroup: this.log, streamPrefix: 'dump' }),
      ...settings,
      environment: { WORK, ...settings.environment },
    });
    container.addMountPoints({ containerPath: WORK, sourceVolume: 'pipes', readOnly: false });
  }

  private startPermissions({ credentials }: DumpTaskProps): iam.PolicyStatement[] {
    const statements = [
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [this.log.logGroupArn, `${this.log.logGroupArn}:*`]),
      // The ARN of a secret imported by its name has six unknown characters more.
      allow(['secretsmanager:GetSecretValue'], [credentials.secretFullArn ?? `${credentials.secretArn}-??????`]),
      // For images from the account's own registry, such as a pull-through cache.
      allow(['ecr:GetAuthorizationToken'], ['*']),
      allow(['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'], ['*']),
    ];
    if (credentials.encryptionKey) {
      statements.push(
        allow(['kms:Decrypt'], [credentials.encryptionKey.keyArn], {
          StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(this).region}.amazonaws.com` },
        }),
      );
    }
    return statements;
  }
}

/** Environment variables of libpq. */
function encryption({ trust }: DumpSource): Record<string, string> {
  // Without TLS an impostor server could ask for the password in plain text.
  // https://www.postgresql.org/docs/16/libpq-connect.html
  if (trust === 'nobody') return { PGSSLMODE: 'disable', PGREQUIREAUTH: 'scram-sha-256' };
  const verified = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: `${WORK}/ca.pem` };
  return trust === 'RDS' ? verified : { ...verified, CA_PEM: trust.authorities };
}

/** CPU units to the least and most GiB of memory, and the step between two sizes. */
const SIZES: Readonly<Record<number, readonly [least: number, most: number, step: number]>> = {
  256: [0.5, 2, 0.5],
  512: [1, 4, 1],
  1024: [2, 8, 1],
  2048: [4, 16, 1],
  4096: [8, 30, 1],
  8192: [16, 60, 4],
  16384: [32, 120, 8],
};

/**
 * What Fargate would refuse, as a sentence.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
 */
export function sizeProblem(cpu: number, memoryMiB: number): string | undefined {
  if (Token.isUnresolved(cpu) || Token.isUnresolved(memoryMiB)) return undefined;
  const size = SIZES[cpu];
  if (!size) return `'cpu' is ${cpu}, which Fargate does not have; use one of ${Object.keys(SIZES).join(', ')}`;
  const [least, most, step] = size;
  const memory = memoryMiB / 1024;
  // 0.5, 1 and 2 GiB, but not 1.5.
  if (memory >= least && memory <= most && (memory - least) % step === 0 && memory !== 1.5) return undefined;
  return (
    `'memoryMiB' is ${memoryMiB}, which Fargate does not have with ${cpu} CPU units; use ${least * 1024} to ${most * 1024}` +
    (step > 1 ? ` in steps of ${step * 1024}` : '')
  );
}

/** Without comments, since ECS takes a task definition of 64 KiB. */
function script(): string {
  return readFileSync(shipped('dump.sh'), 'utf8').replace(/^\s*#.*\n/gm, '');
}

/** Beside the compiled constructs in the package; in a checkout some files exist only after the build. */
function shipped(file: string): string {
  const places = [join(__dirname, '..', '..', 'dump', file), join(__dirname, '..', '..', 'dist', 'dump', file)];
  const found = places.find((place) => existsSync(place));
  if (found) return found;
  throw new Error(
    `'${file}' of the logical dump is missing (looked for ${places.join(' and ')}), so the dump could not be deployed; ` +
      'run `npm run build` in a checkout, or install cdk-lifeboat again',
  );
}

/** An alarm that fires when the log of a dump's task reports a failure; a task has no metric of failures. */
export function ringOnFailedDump(
  scope: Construct,
  { log, backupName, notify }: { log: logs.ILogGroup; backupName: string; notify?: sns.ITopic },
): void {
  const metricName = `DumpFailed-${pathName(scope)}`;
  new logs.MetricFilter(scope, 'Failures', {
    logGroup: log,
    filterPattern: logs.FilterPattern.literal('"lifeboat: failed"'),
    metricNamespace: METRICS.namespace,
    metricName,
    metricValue: '1',
  });
  addAlarm(scope, 'Failed', {
    metric: new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName,
      statistic: cloudwatch.Stats.SUM,
      period: Duration.hours(1),
    }),
    threshold: 0,
    description: `A dump of ${backupName} failed and is not a backup. Earlier dumps are unchanged. See the task's log.`,
    notify,
  });
}
