/** Why some rules of cdk-nag's packs don't fit what Lifeboat makes, so that its users need not find out themselves. */
import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

const ACKNOWLEDGEMENTS: Record<string, { rules: readonly string[]; reason: string }> = {};

export function acknowledge(construct: IConstruct, ...subjects: string[]): void {
  for (const subject of subjects) {
    if (!ACKNOWLEDGEMENTS[subject]) continue;
    const { rules, reason } = ACKNOWLEDGEMENTS[subject];
    Validations.of(construct).acknowledge(...rules.map((id) => ({ id, reason })));
  }
}
