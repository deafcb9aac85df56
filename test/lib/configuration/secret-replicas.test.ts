import { App, CfnParameter, Fn, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { type SecretReplica, SecretReplicas } from '../../../lib';
import { newStack, Template, warningsOf } from '../../template/stacks';

const KEY = 'arn:aws:kms:us-west-2:111122223333:key/one';

function east(): Stack {
  const app = new App({ builtinCloudFormationValidation: false });
  return new Stack(app, 'East', { env: { account: '111122223333', region: 'us-east-1' } });
}

function replicated(replicas: SecretReplica[], props: secretsmanager.SecretProps = {}, stack = east()) {
  new secretsmanager.Secret(stack, 'Secret', props).with(new SecretReplicas({ replicas }));
  return Template.fromStack(stack);
}

const regions = (template: Template) =>
  Object.values(template.findResources('AWS::SecretsManager::Secret'))[0]?.Properties.ReplicaRegions;

test('is in each region named, under the key there', () => {
  const template = replicated([{ region: 'us-west-2', encryptionKeyArn: KEY }, { region: 'eu-west-1' }]);
  expect(regions(template)).toEqual([{ Region: 'us-west-2', KmsKeyId: KEY }, { Region: 'eu-west-1' }]);
});

test('joins what the secret states, and says nothing twice', () => {
  const replicaRegions = [{ region: 'eu-west-1' }];
  const template = replicated([{ region: 'eu-west-1' }, { region: 'us-west-2' }], { replicaRegions });
  expect(regions(template)).toEqual([{ Region: 'eu-west-1' }, { Region: 'us-west-2' }]);
});

test('joins what the secret is told afterwards, too', () => {
  const stack = east();
  const secret = new secretsmanager.Secret(stack, 'Secret');
  secret.with(new SecretReplicas({ replicas: [{ region: 'us-west-2' }] }));
  secret.addReplicaRegion('eu-west-1');
  expect(regions(Template.fromStack(stack))).toEqual([{ Region: 'eu-west-1' }, { Region: 'us-west-2' }]);
});

test('stays when its stack goes, with its versions', () => {
  const stack = east();
  const secret = new secretsmanager.CfnSecret(stack, 'Secret');
  secret.with(new SecretReplicas({ replicas: [{ region: 'us-west-2' }] }));
  Template.fromStack(stack).hasResource('AWS::SecretsManager::Secret', {
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
  });
});

test("the secret's own word on its deletion wins, and is warned of", () => {
  const stack = east();
  const template = replicated([{ region: 'us-west-2' }], { removalPolicy: RemovalPolicy.DESTROY }, stack);
  template.hasResource('AWS::SecretsManager::Secret', { DeletionPolicy: 'Delete' });
  expect(warningsOf(stack).join()).toContain('lifeboat:secret-goes-with-its-stack');
  const kept = east();
  replicated([{ region: 'us-west-2' }], { removalPolicy: RemovalPolicy.RETAIN }, kept);
  expect(warningsOf(kept)).toEqual([]);
});

test.each<[string, SecretReplica[], string]>([
  ['its own region', [{ region: 'us-east-1' }], "'replicas' has us-east-1, the secret's own region"],
  ['a region named twice', [{ region: 'us-west-2' }, { region: 'us-west-2' }], "'replicas' has us-west-2 twice"],
  ['no region', [], "'replicas' is empty, so the secret would exist only in its own region"],
  ['what is no region', [{ region: 'Oregon' }], "'Oregon' is not an AWS region name, so nothing would be copied there"],
  [
    'a key of another region',
    [{ region: 'eu-west-1', encryptionKeyArn: KEY }],
    "'encryptionKeyArn' is in us-west-2 and the replica in eu-west-1",
  ],
  [
    'a key without a region',
    [{ region: 'eu-west-1', encryptionKeyArn: 'alias/secrets' }],
    "'encryptionKeyArn' is 'alias/secrets', not an ARN, so its region is unknown",
  ],
])('refuses %s', (_, replicas, message) => {
  expect(() => replicated(replicas)).toThrow(message);
});

test.each(['us-gov-west-1', 'ap-southeast-4', 'il-central-1', 'us-iso-east-1'])('takes %s', (region) => {
  expect(() => replicated([{ region }])).not.toThrow();
});

test('refuses a key that contradicts the secret, and takes the same one', () => {
  const encryptionKey = kms.Key.fromKeyArn(newStack(), 'Key', KEY);
  const props = { replicaRegions: [{ region: 'us-west-2', encryptionKey }] };
  const other = KEY.replace('one', 'two');
  expect(() => replicated([{ region: 'us-west-2', encryptionKeyArn: other }], props)).toThrow(
    `'encryptionKeyArn' for us-west-2 is ${other}, and the secret itself states ${KEY}`,
  );
  expect(() => replicated([{ region: 'us-west-2', encryptionKeyArn: KEY }], props)).not.toThrow();
});

test('what is known at deployment only is not compared, and can not be added to', () => {
  const stack = east();
  const region = new CfnParameter(stack, 'Region').valueAsString;
  expect(() => replicated([{ region }, { region: 'us-west-2', encryptionKeyArn: region }], {}, stack)).not.toThrow();
  const secret = new secretsmanager.CfnSecret(stack, 'Late', { replicaRegions: Fn.getAtt('Elsewhere', 'Replicas') });
  expect(() => secret.with(new SecretReplicas({ replicas: [{ region: 'us-west-2' }] }))).toThrow(
    'its own replicas are unknown until deployment, so none can be added; state them in SecretReplicas',
  );
});

test("passes cdk-nag's packs, but for what the secret itself has to answer", () => {
  const app = new App();
  const stack = new Stack(app, 'Secrets', { env: { account: '111122223333', region: 'us-east-1' } });
  const secret = new secretsmanager.Secret(stack, 'Secret', {
    encryptionKey: new kms.Key(stack, 'Key', { enableKeyRotation: true }),
    removalPolicy: RemovalPolicy.RETAIN,
  });
  secret.with(
    new SecretReplicas({
      replicas: [{ region: 'us-west-2', encryptionKeyArn: KEY.replace('key/one', 'alias/secrets') }],
    }),
  );
  const rotation = 'SecretsManagerRotationEnabled';
  const rules = ['AwsSolutions-SMG4', `NIST.800.53.R5-${rotation}`, `HIPAA.Security-${rotation}`];
  Validations.of(secret).acknowledge(...rules.map((id) => ({ id, reason: 'how it rotates is for its owner to say' })));
  const packs = [AwsSolutionsChecks, NIST80053R5Checks, HIPAASecurityChecks].map((Pack) => new Pack(app));
  Validations.of(app).addPlugins(...packs);
  expect(() => app.synth()).not.toThrow();
});
