/**
 * What Lifeboat notes on constructs: that one is a plan, is covered, or counts against a quota.
 *
 * As CDK's own, a mark lies on the construct, under a symbol of the process's registry. Where the package is loaded twice (a
 * monorepo, a dependency that is not hoisted), each copy has classes and module state of its own, so `instanceof` or a
 * WeakMap would miss what the other copy made or noted.
 */
import type { IConstruct } from 'constructs';

export class Mark<T> {
  private readonly key: symbol;

  /** @param kind must change when what is noted changes its shape: the other copy may be of another version */
  constructor(kind: string) {
    this.key = Symbol.for(`cdk-lifeboat.${kind}`);
  }

  /** Notes something on a construct, in the place of what was noted before. Templates don't show it. */
  public put(construct: IConstruct, value: T): void {
    Object.defineProperty(construct, this.key, { value, configurable: true });
  }

  /** What is noted on a construct. */
  public on(construct: IConstruct): T | undefined {
    const value: T | undefined = Reflect.get(construct, this.key);
    return value;
  }

  /** What is noted on all constructs of an app, in the order of the tree. */
  public inAppOf(construct: IConstruct): T[] {
    const all = construct.node.root.node.findAll().map((one) => this.on(one));
    return all.filter((value) => value !== undefined);
  }
}
