/** Whether a database lets a dump in, told at synth: else each night's dump would wait for an answer and fail. */
import { Annotations, CfnResource, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { Construct, IConstruct } from 'constructs';
import { SourceDatabase } from './source-database';

/** Once the app is whole. Databases of another stack, and groups that were made elsewhere, are not judged. */
export function warnIfShutOut(dump: Construct, group: ec2.SecurityGroup, database: rds.IDatabaseInstance): void {
  dump.node.addValidation({
    validate: () => {
      const stack = Stack.of(dump);
      if (!new SourceDatabase(database).resource || Stack.of(database) !== stack) return [];
      const written = (value: unknown) => JSON.stringify(stack.resolve(value));
      const doors = database.connections.securityGroups.map(({ securityGroupId }) => written(securityGroupId));
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
        `database '${database.node.path}' lets nobody of dump '${dump.node.path}' in, so each dump would fail to connect; say ` +
          'database.connections.allowDefaultPortFrom(dump)',
      );
      return [];
    },
  });
}

const ofType = (construct: IConstruct, type: string) =>
  CfnResource.isCfnResource(construct) && construct.cfnResourceType === type;
const isGroup = (construct: IConstruct): construct is ec2.CfnSecurityGroup =>
  ofType(construct, 'AWS::EC2::SecurityGroup');
const isIngress = (construct: IConstruct): construct is ec2.CfnSecurityGroupIngress =>
  ofType(construct, 'AWS::EC2::SecurityGroupIngress');
