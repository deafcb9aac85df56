/** Each kind of statement that AWS never matches, and the nearest one that it does. */
import { deadStatements } from './dead-statements';
import { ACCOUNT, allows, possible, REGION } from './policies';

const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

/** What is dead in a policy of a role. */
const ofRole = (...statements: object[]) =>
  deadStatements({
    Resources: {
      Role: { Type: 'AWS::IAM::Role' },
      Policy: {
        Type: 'AWS::IAM::ManagedPolicy',
        Properties: { Roles: [{ Ref: 'Role' }], PolicyDocument: { Statement: statements } },
      },
    },
  });
const allow = (Action: unknown, Resource: unknown, Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const db = arn('rds', 'db:lifeboat-*');

test.each<[string, object, object]>([
  [
    'Policy.PolicyDocument: rds:ModifyDatabase is not an action',
    allow('rds:ModifyDatabase', db),
    allow('rds:ModifyDBInstance', db),
  ],
  [
    'Policy.PolicyDocument: rds:Obliterate* is not an action',
    allow('rds:Obliterate*', '*'),
    allow('rds:Describe*', '*'),
  ],
  [
    `Policy.PolicyDocument: ${arn('rds', 'og:*')} is of no type that rds:CopyDBSnapshot has`,
    allow('rds:CopyDBSnapshot', [arn('rds', 'snapshot:rds:orders-*'), arn('rds', 'og:*')]),
    allow('rds:CopyDBSnapshot', [arn('rds', 'snapshot:rds:orders-*'), arn('rds', 'snapshot:lifeboat-*')]),
  ],
  [
    'Policy.PolicyDocument: s3:GetObject has no resource of the type of arn:aws:s3:::orders',
    allow('s3:GetObject', 'arn:aws:s3:::orders'),
    allow('s3:GetObject', 'arn:aws:s3:::orders/*'),
  ],
  [
    'Policy.PolicyDocument: s3:ListBucket has no resource of the type of arn:aws:s3:::orders/*',
    allow(['s3:GetObject', 's3:ListBucket'], 'arn:aws:s3:::orders/*'),
    allow(['s3:GetObject', 's3:ListBucket'], ['arn:aws:s3:::orders/*', 'arn:aws:s3:::orders']),
  ],
  [
    `Policy.PolicyDocument: rds:DescribeEvents has no resource of the type of ${db}`,
    allow('rds:DescribeEvents', db),
    allow('rds:DescribeEvents', '*'),
  ],
  [
    `Policy.PolicyDocument: rds:ModifyDBInstance has no condition key rds:PubliclyAccessible on ${db}`,
    allow('rds:ModifyDBInstance', db, { BoolIfExists: { 'rds:PubliclyAccessible': 'false' } }),
    allow('rds:ModifyDBInstance', db, { StringEquals: { 'aws:ResourceTag/lifeboat:copy-of': 'orders' } }),
  ],
  [
    `Policy.PolicyDocument: rds:DeleteDBInstance has no condition key aws:RequestTag/a on ${db}`,
    allow('rds:DeleteDBInstance', db, { Null: { 'aws:RequestTag/a': 'false' } }),
    allow('rds:DeleteDBInstance', db, { Null: { 'aws:ResourceTag/a': 'false' } }),
  ],
  [
    'Policy.PolicyDocument: s3:GetObject has no condition key s3:prefix on arn:aws:s3:::orders/*',
    allow('s3:GetObject', 'arn:aws:s3:::orders/*', { StringLike: { 's3:prefix': 'a/*' } }),
    allow('s3:ListBucket', 'arn:aws:s3:::orders', { StringLike: { 's3:prefix': 'a/*' } }),
  ],
  [
    `Policy.PolicyDocument: sqs:SendMessage has no condition key aws:SourceArn on ${arn('sqs', 'letters')}`,
    allow('sqs:SendMessage', arn('sqs', 'letters'), { ArnEquals: { 'aws:SourceArn': arn('sns', 'topic') } }),
    allow('sqs:SendMessage', arn('sqs', 'letters'), { Bool: { 'aws:SecureTransport': 'true' } }),
  ],
  [
    'Policy.PolicyDocument: StringEquals takes the * in the value of s3:prefix as it is written',
    allow('s3:ListBucket', 'arn:aws:s3:::orders', { StringEquals: { 's3:prefix': 'a/*' } }),
    allow('s3:ListBucket', 'arn:aws:s3:::orders', { StringLike: { 's3:prefix': 'a/*' } }),
  ],
  [
    'Policy.PolicyDocument: rds:CreateDBSnapshot is allowed on no snapshot, which it requires',
    allow('rds:CreateDBSnapshot', arn('rds', 'db:orders')),
    allow('rds:CreateDBSnapshot', [arn('rds', 'db:orders'), arn('rds', 'snapshot:before-*')]),
  ],
])('finds: %s', (sentence, dead, alive) => {
  expect(ofRole(dead)).toContain(sentence);
  expect(ofRole(alive)).toEqual([]);
});

test('a service that AWS does not have throws', () => {
  expect(() => ofRole(allow('rdss:ModifyDBInstance', db))).toThrow("'rdss' is not a service");
});

test('what a resource makes at deployment is taken for its type, and what has none is told', () => {
  const Resources = {
    Bucket: { Type: 'AWS::S3::Bucket' },
    Odd: { Type: 'AWS::Odd::Thing' },
    Policy: {
      Type: 'AWS::S3::BucketPolicy',
      Properties: {
        PolicyDocument: {
          Statement: [
            { ...allow('s3:GetObject', { 'Fn::GetAtt': ['Bucket', 'Arn'] }), Principal: '*' },
            { ...allow('s3:ListBucket', { 'Fn::GetAtt': ['Odd', 'Arn'] }), Principal: '*' },
            { ...allow('s3:ListBucket', { 'Fn::GetAtt': ['Bucket', 'Arn'] }), Principal: '*' },
          ],
        },
      },
    },
  };
  expect(deadStatements({ Resources })).toEqual([
    'Policy.PolicyDocument: s3:GetObject has no resource of the type of arn:aws:s3:::Bucket',
    'Policy.PolicyDocument: s3:ListBucket has no resource of the type of <Odd.Arn>',
  ]);
});

test('in a policy of a resource, a service may be asked for the source that it calls for', () => {
  const statement = allow('sns:Publish', arn('sns', 'topic'), { ArnLike: { 'aws:SourceArn': arn('cloudwatch', '*') } });
  const policy = (Principal: object) => ({
    Resources: { It: { Type: 'AWS::SNS::TopicPolicy', Properties: { Statement: [{ ...statement, Principal }] } } },
  });
  expect(deadStatements(policy({ Service: 'cloudwatch.amazonaws.com' }))).toEqual([]);
});

describe('a call that AWS never makes throws, so that its denial proves nothing', () => {
  const statements = [{ Effect: 'Allow', Action: 'rds:ModifyDBInstance', Resource: db }] as const;
  const resources = [arn('rds', 'db:lifeboat-1')];

  test.each([
    ['is not an action', { action: 'rds:ModifyDatabase', resources }],
    ['is never asked for on', { action: 'rds:ModifyDBInstance', resources: [arn('rds', 'snapshot:a')] }],
    [
      'has no condition key rds:PubliclyAccessible',
      { action: 'rds:ModifyDBInstance', resources, context: { 'rds:PubliclyAccessible': 'true' } },
    ],
  ])('%s', (message, call) => {
    expect(() => allows(statements, call)).toThrow(message);
  });

  test('unless the context is one for many actions, of which AWS fills in what it has', () => {
    const context = { 'rds:PubliclyAccessible': 'true', 'aws:ResourceTag/a': 'b' };
    const call = possible({ action: 'rds:ModifyDBInstance', resources, context });
    expect(call.context).toEqual({ 'aws:ResourceTag/a': 'b' });
    expect(allows(statements, call)).toBe(true);
  });
});
