/** What comes of a stack, by short questions to its template. */
import type { Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { Template } from './stacks';

/** The template, and short questions to it. */
export function questionsTo(stack: Stack) {
  const template = Template.fromStack(stack);
  const all = (type: string) => Object.values(template.findResources(type)).map(({ Properties }) => Properties);
  const schedules = all('AWS::Scheduler::Schedule').map(({ ScheduleExpression }) => ScheduleExpression);
  const alarm = (MetricName: string, Threshold: number) =>
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName,
      Threshold,
      AlarmActions: [Match.anyValue()],
    });
  /** As its alarm tells them. */
  const objectives = (rto: string, rpo: string) =>
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'ObjectivesMissed',
      AlarmDescription: Match.stringLikeRegexp(`RTO of ${rto}, .* RPO of ${rpo}\\.`),
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
  return { template, all, schedules, alarm, objectives, kept, retentions, dumps };
}
