/** What comes of a stack, by short questions to its template. */
import { App, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Template } from './stacks';

/** A stack in the primary region, and who is told. */
export function primary() {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Primary', { env: { account: '111122223333', region: 'us-east-1' } });
  return { app, stack, notify: new sns.Topic(stack, 'Oncall') };
}

/** The template, and short questions to it. */
export function asked(stack: Stack) {
  const template = Template.fromStack(stack);
  const all = (type: string) => Object.values(template.findResources(type)).map(({ Properties }) => Properties);
  const schedules = all('AWS::Scheduler::Schedule').map(({ ScheduleExpression }) => ScheduleExpression);
  const alarm = (MetricName: string, Threshold: number) =>
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName,
      Threshold,
      AlarmActions: [Match.anyValue()],
    });
  const rules = all('AWS::S3::Bucket').flatMap(({ LifecycleConfiguration }) => LifecycleConfiguration?.Rules ?? []);
  const kept = (prefix: string) => {
    const { Transitions = [], ExpirationInDays } = rules.find(({ Prefix }) => Prefix === prefix) ?? {};
    const moved = Transitions.map(
      ({ StorageClass, TransitionInDays }: Record<string, unknown>) => `${StorageClass} at ${TransitionInDays}`,
    );
    return [...moved, `gone at ${ExpirationInDays}`].join(', ');
  };
  const retentions = all('AWS::Logs::LogGroup').map(({ LogGroupName, RetentionInDays }) => [
    LogGroupName,
    RetentionInDays,
  ]);
  /** What a dump's containers are told. */
  const dumps = () =>
    all('AWS::ECS::TaskDefinition').flatMap(({ ContainerDefinitions }) =>
      ContainerDefinitions.flatMap(({ Environment }: Record<string, unknown>) => Environment),
    );
  return { template, all, schedules, alarm, kept, retentions, dumps };
}
