/** A network in which tasks reach the internet, and databases don't. */
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { acknowledge } from './cdk-nag';

export function addNetwork(scope: Construct, key: kms.IKey): ec2.Vpc {
  const vpc = new ec2.Vpc(scope, 'Vpc', {
    maxAzs: 2,
    natGateways: 1,
    subnetConfiguration: [
      { name: 'Public', subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: false },
      { name: 'Tasks', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      { name: 'Data', subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    ],
  });
  const flows = new logs.LogGroup(scope, 'Flows', {
    retention: logs.RetentionDays.ONE_MONTH,
    encryptionKey: key,
  });
  const flowLog = vpc.addFlowLog('FlowLog', { destination: ec2.FlowLogDestination.toCloudWatchLogs(flows) });
  acknowledge(
    flowLog,
    'CDK writes the policy into the role, which has this one use and goes with it.',
    'NIST.800.53.R5-IAMNoInlinePolicy',
    'HIPAA.Security-IAMNoInlinePolicy',
  );
  acknowledge(
    vpc,
    'Dumps pull their images from a public registry through a NAT gateway, which needs the way out.',
    'NIST.800.53.R5-VPCNoUnrestrictedRouteToIGW',
    'HIPAA.Security-VPCNoUnrestrictedRouteToIGW',
  );
  return vpc;
}
