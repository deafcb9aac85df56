/** Between a dump and its source: whether it is let in, else each night's dump would wait for an answer and fail; and who listens. */
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

/** Once the app is whole. Databases of another stack, and groups that were made elsewhere, are not judged. */
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
      // Who lets in addresses may well mean those of the dump.
      const mine = written(group.securityGroupId);
      if (from.some((rule) => rule.includes(mine) || /"cidrIp/i.test(rule))) return [];
      Annotations.of(dump).addWarningV2(
        'lifeboat:dump-shut-out',
        `${source} lets nobody of dump '${dump.node.path}' in, so each dump would fail to connect; say ` +
          (source.database
            ? 'dump.connections.allowToDefaultPort(database)'
            : 'dump.connections.allowTo(server, ec2.Port.POSTGRES), or its own port'),
      );
      return [];
    },
  });
}

/** Where that is meant, it is acknowledged. */
export function warnIfUnencrypted(dump: Construct, source: DumpSource): void {
  if (source.trust !== 'nobody') return;
  const passwordRisk = Number(known(source.postgresVersion)) < 16 ? ', and told the password where it asks for it' : '';
  Annotations.of(dump).addWarningV2(
    'lifeboat:dump-not-encrypted',
    `dump '${dump.node.path}' reads ${source} without TLS, so who listens between them has every row, and who answers in its ` +
      `place is believed${passwordRisk}; give the server a certificate, and name its authority in DumpSource.server()`,
  );
}

const ofType = (construct: IConstruct, type: string) =>
  CfnResource.isCfnResource(construct) && construct.cfnResourceType === type;
const isGroup = (construct: IConstruct): construct is ec2.CfnSecurityGroup =>
  ofType(construct, 'AWS::EC2::SecurityGroup');
const isIngress = (construct: IConstruct): construct is ec2.CfnSecurityGroupIngress =>
  ofType(construct, 'AWS::EC2::SecurityGroupIngress');

/** In which storage class dumps are written, held against how soon they are read, moved and deleted. */

/**
 * Classes that have to be brought back before anybody reads them.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
 */
const NOT_READ_AT_ONCE = ['GLACIER', 'DEEP_ARCHIVE'];

export function storageClassProblems(storageClass: s3.StorageClass | undefined): string[] {
  if (!storageClass || !NOT_READ_AT_ONCE.includes(storageClass.value)) return [];
  return [
    `it is written to ${storageClass.value}, which nobody reads at once, so no dump could be read back and found readable; write it ` +
      "to another class, and let the bucket's lifecycle move it",
  ];
}

interface Written {
  readonly bucket: s3.IBucket;
  /** What keys of dumps start with. */
  readonly prefixes: readonly string[];
  readonly storageClass: s3.StorageClass;
}

/** Once the app is whole: the bucket may still be told more rules. Of one that was made elsewhere nothing is known. */
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

/** What the props of a dump say of its task. */
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
 * What a dump's task needs to know, from what was said or from an instance of this app.
 *
 * @throws Error that names all that would keep it from working
 */
export function dumpSettings(scope: Construct, props: Dumped, backupName: string, timeout: Duration) {
  const { source, cpu = 1024, memoryMiB = 2048 } = props;
  const { credentials, databaseName, postgresVersion } = source;
  const problems = [...source.problems, ...storageClassProblems(props.storageClass)];
  if (postgresVersion === undefined && !props.postgresImage) {
    problems.push("its version can't be told, and pg_dump refuses servers newer than itself; state 'postgresVersion'");
  } else if (known(postgresVersion) !== undefined && !/^\d+$/.test(String(postgresVersion))) {
    problems.push(`'${postgresVersion}' is no major version, and there may be no such image; write it as in '17'`);
  }
  if (props.tiers?.length === 0) problems.push('it has no tier, so no dump would have a place; name at least one');
  if (!/^[A-Za-z0-9_.-]+$/.test(backupName)) {
    problems.push(
      `its name '${backupName}' is part of keys, and more than letters, digits, '.', '_' and '-'; give it 'backupName'`,
    );
  }
  const seconds = timeout.isUnresolved() ? 3600 : timeout.toSeconds();
  if (seconds < 60 || seconds > 86_400) {
    problems.push(
      `a timeout of ${seconds} seconds is outside of a minute to a day; give it the hours that a dump takes`,
    );
  }
  const size = sizeProblem(cpu, memoryMiB);
  if (size) problems.push(size);
  if (problems.length > 0 || !credentials || !databaseName) {
    throw refusal(`logical dump '${scope.node.path}' can't work`, problems);
  }
  const postgres =
    props.postgresImage ?? ecs.ContainerImage.fromRegistry(`public.ecr.aws/docker/library/postgres:${postgresVersion}`);
  return { credentials, databaseName, postgres, cpu, memoryMiB };
}
