import { App, CfnParameter, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import {
  ImageBackups,
  type ImageBackupsProps,
  ImageReplication,
  ImageReplicationAccess,
  type ImageReplicationAccessProps,
  type ImageReplicationProps,
} from '../../../lib';
import { newStack, Template, warningsOf } from '../../template/stacks';

const { TagStatus } = ecr;

function kept(props: ImageBackupsProps = {}, repository: ecr.RepositoryProps = {}, stack = newStack()) {
  new ecr.Repository(stack, 'Images', repository).with(new ImageBackups(props));
  return Template.fromStack(stack);
}

const repositoryOf = (template: Template) => Object.values(template.findResources('AWS::ECR::Repository'))[0]!;
const rulesOf = (template: Template) =>
  JSON.parse(repositoryOf(template).Properties.LifecyclePolicy.LifecyclePolicyText).rules;

describe('images', () => {
  test('expire without a tag only, and a tag never moves', () => {
    const template = kept();
    expect(rulesOf(template)).toEqual([
      expect.objectContaining({
        selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 30 },
      }),
    ]);
    expect(repositoryOf(template).Properties.ImageTagMutability).toBe('IMMUTABLE');
  });

  test('stay when their stack goes', () => {
    const stack = newStack();
    new ecr.CfnRepository(stack, 'Images').with(new ImageBackups());
    Template.fromStack(stack).hasResource('AWS::ECR::Repository', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test("the repository's own rule for images without a tag wins", () => {
    const lifecycleRules = [{ tagStatus: TagStatus.UNTAGGED, maxImageAge: Duration.days(7) }];
    expect(rulesOf(kept({}, { lifecycleRules })).map((rule: { selection: object }) => rule.selection)).toEqual([
      expect.objectContaining({ countNumber: 7 }),
    ]);
  });

  test.each<[string, ImageBackupsProps, ecr.RepositoryProps, string]>([
    [
      'a rule for any image',
      {},
      { lifecycleRules: [{ maxImageCount: 10 }] },
      'lifecycle rule 1 expires any image, including deployed ones',
    ],
    [
      'a rule for images with a tag',
      {},
      { lifecycleRules: [{ tagPrefixList: ['v'], maxImageAge: Duration.days(30) }] },
      'lifecycle rule 1 expires images with a tag, including deployed ones',
    ],
    [
      'tags that move',
      {},
      { imageTagMutability: ecr.TagMutability.MUTABLE },
      "'imageTagMutability' is MUTABLE, so a push can take the tag from a deployed image, which then expires while ECS still starts it by its digest",
    ],
    ['0 days', { untaggedAfter: Duration.days(0) }, {}, "'untaggedAfter' is 0 days, and ECR takes whole days from 1"],
    [
      '36 hours',
      { untaggedAfter: Duration.hours(36) },
      {},
      "'untaggedAfter' is 1 day 12 hours, and ECR takes whole days from 1",
    ],
    [
      'two rules for the same',
      { untaggedAfter: Duration.days(7) },
      { lifecycleRules: [{ tagStatus: TagStatus.UNTAGGED, maxImageAge: Duration.days(7) }] },
      "'untaggedAfter' is stated, and the repository has a rule for images without a tag; state one of the two",
    ],
  ])('are refused %s', (_, props, repository, message) => {
    expect(() => kept(props, repository)).toThrow(message);
  });

  test('may expire after a day, and with tags that say IMMUTABLE themselves', () => {
    const repository = { imageTagMutability: ecr.TagMutability.IMMUTABLE };
    expect(rulesOf(kept({ untaggedAfter: Duration.days(1) }, repository))[0].selection.countNumber).toBe(1);
  });

  test('are not lost to a rule that the repository is told afterwards', () => {
    const app = new App({ builtinCloudFormationValidation: false });
    const repository = new ecr.Repository(new Stack(app, 'Test'), 'Images');
    repository.with(new ImageBackups());
    repository.addLifecycleRule({ maxImageCount: 10 });
    expect(() => app.synth()).toThrow('lifecycle rule 1 expires any image');
  });

  test('what is known at deployment only is not compared', () => {
    const stack = newStack();
    const repository = new ecr.CfnRepository(stack, 'Images', {
      imageTagMutability: new CfnParameter(stack, 'Mutability').valueAsString,
    });
    expect(() => repository.with(new ImageBackups())).not.toThrow();
    const lifecyclePolicyText = new CfnParameter(stack, 'Policy').valueAsString;
    const late = new ecr.CfnRepository(stack, 'Late', { lifecyclePolicy: { lifecyclePolicyText } });
    expect(() => late.with(new ImageBackups())).toThrow('its lifecycle policy is unknown until deployment');
  });

  test('warns of a repository that is emptied with its stack', () => {
    const stack = newStack();
    kept({}, { emptyOnDelete: true, removalPolicy: RemovalPolicy.DESTROY }, stack);
    expect(warningsOf(stack).join()).toContain('lifeboat:images-go-with-their-stack');
  });
});

describe('replication', () => {
  const east = () => {
    const app = new App({ builtinCloudFormationValidation: false });
    return new Stack(app, 'East', { env: { account: '111122223333', region: 'us-east-1' } });
  };
  const replicated = (props: ImageReplicationProps, stack = east()) => {
    new ImageReplication(stack, 'Images', props);
    return Template.fromStack(stack);
  };
  const west = { region: 'us-west-2' };

  test('goes to the regions named, for the repositories named', () => {
    const destinations = [west, { region: 'us-west-2', account: '444455556666' }];
    replicated({ destinations, repositories: ['shop/'] }).hasResourceProperties('AWS::ECR::ReplicationConfiguration', {
      ReplicationConfiguration: {
        Rules: [
          {
            Destinations: [
              { Region: 'us-west-2', RegistryId: '111122223333' },
              { Region: 'us-west-2', RegistryId: '444455556666' },
            ],
            RepositoryFilters: [{ Filter: 'shop/', FilterType: 'PREFIX_MATCH' }],
          },
        ],
      },
    });
  });

  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ region: 'us-west-2', account: String(444455556666 + index) }));
  const named = (count: number) => Array.from({ length: count }, (_, index) => `repository-${index}`);

  test.each<[string, ImageReplicationProps, string]>([
    [
      'its own registry',
      { destinations: [{ region: 'us-east-1' }] },
      "'destinations' has us-east-1 of this account, the registry's own region",
    ],
    ['what is no region', { destinations: [{ region: 'us-west' }] }, "'us-west' is not an AWS region name"],
    ['a region twice', { destinations: [west, west] }, "'destinations' has us-west-2 twice; state it once"],
    [
      'an account of 11 digits',
      { destinations: [{ ...west, account: '44445555666' }] },
      "'44445555666' is not an AWS account ID, so no image would ever get there; use the 12-digit ID",
    ],
    ['no destination', { destinations: [] }, "'destinations' has 0 entries, and ECR takes 1 to 25"],
    ['26 destinations', { destinations: many(26) }, "'destinations' has 26 entries, and ECR takes 1 to 25"],
    [
      '101 repositories',
      { destinations: [west], repositories: named(101) },
      "'repositories' has 101 entries, and ECR allows 100; use prefixes of their names",
    ],
    [
      'no repository',
      { destinations: [west], repositories: [] },
      "'repositories' is empty, so ECR would replicate all",
    ],
  ])('refuses %s', (_, props, message) => {
    expect(() => replicated(props)).toThrow(message);
  });

  test.each<[string, ImageReplicationProps]>([
    ['its own region in another account', { destinations: [{ region: 'us-east-1', account: '444455556666' }] }],
    ['25 destinations', { destinations: many(25) }],
    ['100 repositories', { destinations: [west], repositories: named(100) }],
  ])('takes %s', (_, props) => {
    expect(() => replicated(props)).not.toThrow();
  });

  test('refuses a second one for the same registry, and takes one for another', () => {
    const stack = east();
    const props = { destinations: [west] };
    new ImageReplication(stack, 'First', props);
    expect(() => new ImageReplication(stack, 'Second', props)).toThrow(
      "'East/First/Configuration' configures the same registry",
    );
    const other = new Stack(stack.node.root as App, 'Ireland', {
      env: { account: '111122223333', region: 'eu-west-1' },
    });
    expect(() => new ImageReplication(other, 'Images', props)).not.toThrow();
  });

  test('of stacks whose account and region are known at deployment only is not compared', () => {
    const stack = newStack('One');
    const other = new Stack(stack.node.root as App, 'Other');
    new ImageReplication(stack, 'Images', { destinations: [west] });
    expect(() => new ImageReplication(other, 'Images', { destinations: [west] })).not.toThrow();
    expect(() => new ImageReplication(stack, 'Again', { destinations: [west] })).toThrow(
      "'One/Images/Configuration' configures the same registry",
    );
  });

  describe('into another account', () => {
    const props = { accounts: ['999988887777'] };
    const accessed = (more: Partial<ImageReplicationAccessProps> = {}, stack = east()) => {
      new ImageReplicationAccess(stack, 'Access', { ...props, ...more });
      return Template.fromStack(stack);
    };
    const statementsOf = (template: Template) =>
      Object.values(template.findResources('AWS::ECR::RegistryPolicy'))[0]!.Properties.PolicyText.Statement;

    test('is let in by the accounts and for the repositories named, and nothing else is', () => {
      const [statement, ...others] = statementsOf(accessed({ repositories: ['shop/'] }));
      expect(statement).toEqual({
        Sid: 'LifeboatImageReplication',
        Effect: 'Allow',
        Principal: {
          AWS: expect.objectContaining({ 'Fn::Join': ['', expect.arrayContaining([':iam::999988887777:root'])] }),
        },
        Action: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
        Resource: {
          'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':ecr:us-east-1:111122223333:repository/shop/*']],
        },
      });
      expect(others).toEqual([]);
    });

    test('leaves room for what else the policy of the registry says', () => {
      const pull = new iam.PolicyStatement({
        sid: 'PullThrough',
        principals: [new iam.AccountPrincipal('111122223333')],
        actions: ['ecr:BatchImportUpstreamImage'],
        resources: ['*'],
      });
      expect(statementsOf(accessed({ statements: [pull] })).map(({ Sid }: { Sid: string }) => Sid)).toEqual([
        'LifeboatImageReplication',
        'PullThrough',
      ]);
    });

    test.each<[string, Partial<ImageReplicationAccessProps>, string]>([
      ['no account', { accounts: [] }, "'accounts' is empty, so no account could replicate"],
      [
        'an account of 11 digits',
        { accounts: ['99998888777'] },
        "'99998888777' is not an AWS account ID, so ECR would refuse the policy",
      ],
      [
        'its own account',
        { accounts: ['111122223333'] },
        "'accounts' has 111122223333, the registry's own account, which needs no permission",
      ],
      ['no repository', { repositories: [] }, "'repositories' is empty, so no repository could be replicated"],
    ])('is refused with %s', (_, more, message) => {
      expect(() => accessed(more)).toThrow(message);
    });

    test('takes an account that is known at deployment only', () => {
      const stack = east();
      const account = new CfnParameter(stack, 'Account').valueAsString;
      expect(() => accessed({ accounts: [account] }, stack)).not.toThrow();
    });

    test('is refused a second policy for the same registry, and may have one in another region', () => {
      const stack = east();
      new ImageReplicationAccess(stack, 'First', props);
      expect(() => new ImageReplicationAccess(stack, 'Second', props)).toThrow(
        "'East/First/Policy' is the policy of the same registry",
      );
      const other = new Stack(stack.node.root as App, 'Ireland', {
        env: { account: '111122223333', region: 'eu-west-1' },
      });
      expect(() => new ImageReplicationAccess(other, 'Access', props)).not.toThrow();
    });
  });

  test("passes cdk-nag's packs, with the repository it is for", () => {
    const app = new App();
    const stack = new Stack(app, 'Images', { env: { account: '111122223333', region: 'us-east-1' } });
    new ecr.Repository(stack, 'Shop').with(new ImageBackups());
    new ImageReplication(stack, 'Replication', { destinations: [west] });
    new ImageReplicationAccess(stack, 'Access', { accounts: ['999988887777'] });
    const packs = [AwsSolutionsChecks, NIST80053R5Checks, HIPAASecurityChecks].map((Pack) => new Pack(app));
    Validations.of(app).addPlugins(...packs);
    expect(() => app.synth()).not.toThrow();
  });
});
