import { Annotations, CfnDeletionPolicy, CfnResource, type Duration, Lazy, Mixin, Stack } from 'aws-cdk-lib';
import type { CfnRepository } from 'aws-cdk-lib/aws-ecr';
import type { IConstruct } from 'constructs';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';

export interface ImageBackupsProps {
  /**
   * How long after its push an image without a tag is deleted: whole days, at least 1.
   *
   * @default - what the repository says itself; else 30 days
   */
  readonly untaggedAfter?: Duration;
}

interface LifecycleRule {
  readonly rulePriority: number;
  readonly selection: { readonly tagStatus: string };
}

const PROPS: PropsOf<ImageBackupsProps> = { untaggedAfter: true };

/**
 * Images that are there when a deployment has to go back, for a repository's owner to apply:
 * `repository.with(new ImageBackups())`.
 *
 * What has a tag never expires, and a tag never moves to another image, so what is deployed keeps the tag that it was
 * deployed by; only images without a tag go. The repository stays when its stack goes, unless it says otherwise.
 */
export class ImageBackups extends Mixin {
  constructor(private readonly props: ImageBackupsProps = {}) {
    super();
    checkProps(this, props, PROPS);
  }

  public supports(construct: IConstruct): construct is CfnRepository {
    return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::ECR::Repository';
  }

  /** @throws Error that names all by which an image that is deployed could go */
  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    const problems = [...this.unfit(), ...this.losses(construct, statedBy(construct, construct.lifecyclePolicy))];
    refuseAll(`repository '${construct.node.path}'`, problems);

    warnOfFleetingKey(construct, construct.encryptionConfiguration);
    construct.imageTagMutability ??= 'IMMUTABLE';
    construct.cfnOptions.deletionPolicy ??= CfnDeletionPolicy.RETAIN;
    construct.cfnOptions.updateReplacePolicy ??= CfnDeletionPolicy.RETAIN;
    const { lifecyclePolicy: before } = construct;
    const stated = () => statedBy(construct, before) ?? [];
    // The repository may still be told more rules after this: they are joined, and judged, at synth.
    construct.lifecyclePolicy = Lazy.any({ produce: () => ({ lifecyclePolicyText: this.joined(stated()) }) });
    construct.node.addValidation({ validate: () => this.losses(construct, stated()) });
    if (construct.emptyOnDelete !== true) return;
    Annotations.of(construct).addWarningV2(
      'lifeboat:images-go-with-their-stack',
      `repository '${construct.node.path}' is emptied when its stack goes, so nothing could be deployed from it; leave ` +
        'emptyOnDelete out',
    );
  }

  private get days(): number {
    return this.props.untaggedAfter?.toDays({ integral: false }) ?? 30;
  }

  private unfit(): string[] {
    if (this.props.untaggedAfter?.isUnresolved()) return [];
    if (Number.isInteger(this.days) && this.days >= 1) return [];
    return [
      `images without a tag would be deleted after ${this.props.untaggedAfter?.toHumanString()}, and ECR takes whole days from 1, ` +
        'so it would refuse the rule; round it to days',
    ];
  }

  private losses(repository: CfnRepository, stated: readonly LifecycleRule[] | undefined): string[] {
    if (stated === undefined) {
      return [
        'its lifecycle policy is known at deployment only, so none can be added to it; leave it out and state it here',
      ];
    }
    const problems = stated
      .filter(({ selection }) => selection.tagStatus !== 'untagged')
      .map(
        ({ rulePriority, selection }) =>
          `lifecycle rule ${rulePriority} expires ${selection.tagStatus === 'any' ? 'any image' : 'images with a tag'}, ` +
          'whether it is deployed or not, so a task could not start again; expire images without a tag only',
      );
    const mutability = known(repository.imageTagMutability);
    if (mutability !== undefined && !mutability.startsWith('IMMUTABLE')) {
      problems.push(
        `its tags are ${mutability}, so pushing to a tag takes it from the image that is deployed, which then expires ` +
          "though ECS still starts it by its digest; set imageTagMutability 'IMMUTABLE'",
      );
    }
    if (this.props.untaggedAfter && stated.some(({ selection }) => selection.tagStatus === 'untagged')) {
      problems.push('images without a tag expire by a rule of the repository and by untaggedAfter; state it once');
    }
    return problems;
  }

  /** ECR takes one rule for images without a tag. */
  private joined(stated: readonly LifecycleRule[]): string {
    const highest = Math.max(0, ...stated.map(({ rulePriority }) => rulePriority));
    const own = {
      rulePriority: highest + 1,
      description: 'Lifeboat: images without a tag',
      selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: this.days },
      action: { type: 'expire' },
    };
    const rules = stated.some(({ selection }) => selection.tagStatus === 'untagged') ? stated : [...stated, own];
    return JSON.stringify({ rules });
  }
}

/** Undefined when only deployment will tell. */
function statedBy(repository: CfnRepository, policy: CfnRepository['lifecyclePolicy']): LifecycleRule[] | undefined {
  const resolved = Stack.of(repository).resolve(policy);
  const text = resolved?.lifecyclePolicyText;
  if (resolved === undefined || text === undefined) return [];
  return typeof text === 'string' ? JSON.parse(text).rules : undefined;
}
