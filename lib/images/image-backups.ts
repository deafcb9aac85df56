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
   * @default - the repository's own rule; without one, 30 days
   */
  readonly untaggedAfter?: Duration;
}

interface LifecycleRule {
  readonly rulePriority: number;
  readonly selection: { readonly tagStatus: string };
}

const PROPS: PropsOf<ImageBackupsProps> = { untaggedAfter: true };

/**
 * Keeps images for a rollback of a deployment. A repository's owner applies it: `repository.with(new ImageBackups())`.
 *
 * Tagged images never expire and tags are immutable, so a deployed image keeps its tag; only images without a tag
 * expire. The repository is retained when its stack is deleted, unless it states otherwise.
 */
export class ImageBackups extends Mixin {
  constructor(private readonly props: ImageBackupsProps = {}) {
    super();
    checkProps(this, props, PROPS);
  }

  public supports(construct: IConstruct): construct is CfnRepository {
    return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::ECR::Repository';
  }

  /** @throws Error that lists all settings by which a deployed image could be deleted */
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
    // More rules may be added to the repository after this: they are joined and checked at synth.
    construct.lifecyclePolicy = Lazy.any({ produce: () => ({ lifecyclePolicyText: this.joined(stated()) }) });
    construct.node.addValidation({ validate: () => this.losses(construct, stated()) });
    if (construct.emptyOnDelete !== true) return;
    Annotations.of(construct).addWarningV2(
      'lifeboat:images-go-with-their-stack',
      `'emptyOnDelete' of repository '${construct.node.path}' is true, so its images are deleted with its stack; leave it out`,
    );
  }

  private get days(): number {
    return this.props.untaggedAfter?.toDays({ integral: false }) ?? 30;
  }

  private unfit(): string[] {
    if (this.props.untaggedAfter?.isUnresolved()) return [];
    if (Number.isInteger(this.days) && this.days >= 1) return [];
    return [
      `'untaggedAfter' is ${this.props.untaggedAfter?.toHumanString()}, and ECR takes whole days from 1, so it would refuse the rule; ` +
        'round it to days',
    ];
  }

  private losses(repository: CfnRepository, stated: readonly LifecycleRule[] | undefined): string[] {
    if (stated === undefined) {
      return ['its lifecycle policy is unknown until deployment, so no rule can be added to it; leave the policy out'];
    }
    const problems = stated
      .filter(({ selection }) => selection.tagStatus !== 'untagged')
      .map(
        ({ rulePriority, selection }) =>
          `lifecycle rule ${rulePriority} expires ${selection.tagStatus === 'any' ? 'any image' : 'images with a tag'}, ` +
          'including deployed ones, so a task could not start again; expire only images without a tag',
      );
    const mutability = known(repository.imageTagMutability);
    if (mutability !== undefined && !mutability.startsWith('IMMUTABLE')) {
      problems.push(
        `'imageTagMutability' is ${mutability}, so a push can take the tag from a deployed image, which then expires ` +
          "while ECS still starts it by its digest; set 'IMMUTABLE'",
      );
    }
    if (this.props.untaggedAfter && stated.some(({ selection }) => selection.tagStatus === 'untagged')) {
      problems.push(
        "'untaggedAfter' is stated, and the repository has a rule for images without a tag; state one of the two",
      );
    }
    return problems;
  }

  /** ECR allows one rule for images without a tag. */
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

/** Undefined if unknown at synth. */
function statedBy(repository: CfnRepository, policy: CfnRepository['lifecyclePolicy']): LifecycleRule[] | undefined {
  const resolved = Stack.of(repository).resolve(policy);
  const text = resolved?.lifecyclePolicyText;
  if (resolved === undefined || text === undefined) return [];
  return typeof text === 'string' ? JSON.parse(text).rules : undefined;
}
