/** The connection of a dump to its source: whether security groups allow it, and whether it is encrypted. */
import { Annotations, CfnResource, type Duration, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct, IConstruct } from 'constructs';
import { leftBeforePaid } from '../bucket/lifecycle-limits';
import { refusal } from '../synth/problems';
import { known } from '../synth/tokens';
import type { DumpSource } from './dump-source';
import { sizeProblem } from './dump-task';

/** Checked once the app is complete. Databases of another stack and imported security groups are not checked. */
export function warnOfMissingIngress(dump: Construct, group: ec2.SecurityGroup, source: DumpSource): void {
  dump.node.addValidation({
    validate: () => {
      const stack = Stack.of(dump);
      if (source.ingressGroups.length === 0 || source.ingressGroups.some((door) => Stack.of(door) !== stack)) return [];
      const written = (value: unknown) => JSON.stringify(stack.resolve(value));
      const doors = source.ingressGroups.map(({ securityGroupId }) => written(securityGroupId));
      const groups = stack.node.findAll().filter(isGroup);
      if (!doors.every((door) => groups.some(({ attrGroupId }) => written(attrGroupId) === door))) return [];
      const rules = stack.node.findAll().filter(isIngress);
      const from = [
        ...groups.filter((one) => doors.includes(written(one.attrGroupId))).map((one) => one.securityGroupIngress),
        ...rules
          .filter(({ groupId }) => doors.includes(written(groupId)))
          .map(({ sourceSecurityGroupId: ofGroup, cidrIp, cidrIpv6, sourcePrefixListId: list }) => ({
            ofGroup,
            cidrIp: cidrIp ?? cidrIpv6 ?? list,
          })),
      ].map((rule) => written(rule) ?? '');
      // A rule for addresses may include those of the dump.
      const mine = written(group.securityGroupId);
      if (from.some((rule) => rule.includes(mine) || /"cidrIp/i.test(rule))) return [];
      Annotations.of(dump).addWarningV2(
        'lifeboat:dump-shut-out',
        `the security groups of ${source} don't allow dump '${dump.node.path}', so each dump would fail to connect; call ` +
          (source.database
            ? 'dump.connections.allowToDefaultPort(database)'
            : 'dump.connections.allowTo(server, ec2.Port.POSTGRES), or its own port'),
      );
      return [];
    },
  });
}

/** A user who wants this acknowledges the warning. */
export function warnIfUnencrypted(dump: Construct, source: DumpSource): void {
  if (source.trust !== 'nobody') return;
  const passwordRisk = Number(known(source.postgresVersion)) < 16 ? ', and could ask for the password' : '';
  Annotations.of(dump).addWarningV2(
    'lifeboat:dump-not-encrypted',
    `dump '${dump.node.path}' reads ${source} without TLS, so anyone on the network path can read every row, and an impostor ` +
      `server would be trusted${passwordRisk}; give the server a certificate, and state its authority in DumpSource.server()`,
  );
}

const ofType = (construct: IConstruct, type: string) =>
  CfnResource.isCfnResource(construct) && construct.cfnResourceType === type;
const isGroup = (construct: IConstruct): construct is ec2.CfnSecurityGroup =>
  ofType(construct, 'AWS::EC2::SecurityGroup');
const isIngress = (construct: IConstruct): construct is ec2.CfnSecurityGroupIngress =>
  ofType(construct, 'AWS::EC2::SecurityGroupIngress');

/** Compares the storage class that dumps are written to with how soon they are read, moved and deleted. */

/**
 * Classes whose objects have to be retrieved before they can be read.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
 */
const NOT_READ_AT_ONCE = ['GLACIER', 'DEEP_ARCHIVE'];

export function storageClassProblems(storageClass: s3.StorageClass | undefined): string[] {
  if (!storageClass || !NOT_READ_AT_ONCE.includes(storageClass.value)) return [];
  return [
    `'storageClass' is ${storageClass.value}, which can't be read at once, so no dump could be read back to check it; use another ` +
      "class, and let the bucket's lifecycle move dumps later",
  ];
}

interface Written {
  readonly bucket: s3.IBucket;
  /** Prefixes of the keys of dumps. */
  readonly prefixes: readonly string[];
  readonly storageClass: s3.StorageClass;
}

/**
 * Checked once the app is complete, since rules may be added to the bucket. Rules of an imported bucket are unknown.
 */
export function warnOfDaysUnused(dump: Construct, { bucket, prefixes, storageClass }: Written): void {
  dump.node.addValidation({
    validate: () => {
      const resource = bucket.node.defaultChild;
      if (!resource || !CfnResource.isCfnResource(resource) || resource.cfnResourceType !== 'AWS::S3::Bucket')
        return [];
      const { rules = [] } = Stack.of(resource).resolve((resource as s3.CfnBucket).lifecycleConfiguration) ?? {};
      for (const cost of prefixes.flatMap((prefix) => leftBeforePaid(rules, prefix, storageClass.value))) {
        Annotations.of(dump).addWarningV2('lifeboat:paid-storage-unused', cost);
      }
      return [];
    },
  });
}

/** The props of a dump that its task needs. */
interface Dumped {
  readonly source: DumpSource;
  /** @default - the usual ones */
  readonly tiers?: readonly unknown[];
  /** @default - S3 Standard */
  readonly storageClass?: s3.StorageClass;
  /** @default - that of the source's version */
  readonly postgresImage?: ecs.ContainerImage;
  /** @default 1024 */
  readonly cpu?: number;
  /** @default 2048 */
  readonly memoryMiB?: number;
}

/**
 * Settings of a dump's task, from props or from an instance of this app.
 *
 * @throws Error that lists all that would make each dump fail
 */
export function dumpSettings(scope: Construct, props: Dumped, backupName: string, timeout: Duration) {
  const { source, cpu = 1024, memoryMiB = 2048 } = props;
  const { credentials, databaseName, postgresVersion } = source;
  const problems = [...source.problems, ...storageClassProblems(props.storageClass)];
  if (postgresVersion === undefined && !props.postgresImage) {
    problems.push(
      "'postgresVersion' is missing, and pg_dump refuses servers newer than itself; state it in the DumpSource",
    );
  } else if (known(postgresVersion) !== undefined && !/^\d+$/.test(String(postgresVersion))) {
    problems.push(
      `'postgresVersion' is '${postgresVersion}', not a major version, and there may be no such image; write it as in '17'`,
    );
  }
  if (props.tiers?.length === 0) problems.push("'tiers' is empty, so no dump could be stored; state at least one");
  if (!/^[A-Za-z0-9_.-]+$/.test(backupName)) {
    problems.push(`'backupName' is '${backupName}', which is part of keys; use only letters, digits, '.', '_' and '-'`);
  }
  const seconds = timeout.isUnresolved() ? 3600 : timeout.toSeconds();
  if (seconds < 60 || seconds > 86_400) {
    problems.push(`'timeout' is ${seconds} seconds, not a minute to a day; set the hours that a dump takes`);
  }
  const size = sizeProblem(cpu, memoryMiB);
  if (size) problems.push(size);
  if (problems.length > 0 || !credentials || !databaseName) {
    throw refusal(`logical dump '${scope.node.path}'`, problems);
  }
  const postgres =
    props.postgresImage ?? ecs.ContainerImage.fromRegistry(`public.ecr.aws/docker/library/postgres:${postgresVersion}`);
  return { credentials, databaseName, postgres, cpu, memoryMiB };
}
