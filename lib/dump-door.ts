/** Between a dump and its source: whether it is let in, else each night's dump would wait for an answer and fail; and who listens. */
import { Annotations, CfnResource, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct, IConstruct } from 'constructs';
import type { DumpSource } from './dump-source';
import { known } from './source-database';

/** Once the app is whole. Databases of another stack, and groups that were made elsewhere, are not judged. */
export function warnIfShutOut(dump: Construct, group: ec2.SecurityGroup, source: DumpSource): void {
  dump.node.addValidation({
    validate: () => {
      const stack = Stack.of(dump);
      if (source.doors.length === 0 || source.doors.some((door) => Stack.of(door) !== stack)) return [];
      const written = (value: unknown) => JSON.stringify(stack.resolve(value));
      const doors = source.doors.map(({ securityGroupId }) => written(securityGroupId));
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
            ? 'database.connections.allowDefaultPortFrom(dump)'
            : 'connections.allowFrom(dump, ec2.Port.POSTGRES) of one of its security groups, or its own port'),
      );
      return [];
    },
  });
}

/** Where that is meant, it is acknowledged. */
export function warnIfUnencrypted(dump: Construct, source: DumpSource): void {
  if (source.trust !== 'nobody') return;
  const asked = Number(known(source.postgresVersion)) < 16 ? ', and told the password where it asks for it' : '';
  Annotations.of(dump).addWarningV2(
    'lifeboat:dump-not-encrypted',
    `dump '${dump.node.path}' reads ${source} without TLS, so who listens between them has every row, and who answers in its ` +
      `place is believed${asked}; give the server a certificate, and name its authority in DumpSource.server()`,
  );
}

const ofType = (construct: IConstruct, type: string) =>
  CfnResource.isCfnResource(construct) && construct.cfnResourceType === type;
const isGroup = (construct: IConstruct): construct is ec2.CfnSecurityGroup =>
  ofType(construct, 'AWS::EC2::SecurityGroup');
const isIngress = (construct: IConstruct): construct is ec2.CfnSecurityGroupIngress =>
  ofType(construct, 'AWS::EC2::SecurityGroupIngress');
