/** A role that only AWS Backup can assume. */
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acknowledgeRules } from '../synth/nag-acknowledgements';

/** Buckets have policies of their own. https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html */
const POLICIES = {
  backup: 'service-role/AWSBackupServiceRolePolicyForBackup',
  'backup of buckets': 'AWSBackupServiceRolePolicyForS3Backup',
  restore: 'service-role/AWSBackupServiceRolePolicyForRestores',
} as const;

export class BackupRole extends Construct {
  public readonly role: iam.Role;

  constructor(scope: Construct, id: string, tasks: readonly (keyof typeof POLICIES)[]) {
    super(scope, id);
    const policies = tasks.map((task) => POLICIES[task]);
    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('backup.amazonaws.com'),
      managedPolicies: policies.map((policy) => iam.ManagedPolicy.fromAwsManagedPolicyName(policy)),
    });
    for (const policy of policies) {
      acknowledgeRules(
        this.role,
        [`AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${policy}]`],
        'AWS keeps this policy in step with what AWS Backup calls, for every kind of resource; only AWS Backup can ' +
          "assume the role. Set 'role' to a role of your own if that is too broad.",
      );
    }
  }
}
