/** One modelled operation of RDS: its parameters, and what it does. */
import type { RdsRegion } from './region-state';

export interface Operation {
  readonly name: string;
  /** Parameters that have an effect; others are refused, so that none is silently ignored. */
  readonly parameters: ReadonlySet<string>;
  readonly run: (region: RdsRegion, input: Record<string, unknown>) => Promise<object>;
}

/** Ties an operation to the SDK's types; the schemas have checked the input before it runs. */
export function operation<Input extends object, Output extends object>(
  name: string,
  parameters: readonly Extract<keyof Input, string>[],
  run: (region: RdsRegion, input: Input) => Promise<Output>,
): Operation {
  return { name, parameters: new Set(parameters), run: (region, input) => run(region, input as Input) };
}
