/**
 * Notes of Lifeboat on constructs: that one is a plan, is backed up, or counts against a quota.
 *
 * Like CDK's own, a mark is a property of the construct, under a global symbol. If the package is loaded twice (a
 * monorepo, a dependency that is not hoisted), each copy has its own classes and module state, so `instanceof` or a
 * WeakMap would miss constructs and notes of the other copy.
 */
import type { IConstruct } from 'constructs';

export class Mark<T> {
  private readonly key: symbol;

  /** @param kind must change when the shape of the note changes, since the other copy may be of another version */
  constructor(kind: string) {
    this.key = Symbol.for(`cdk-lifeboat.${kind}`);
  }

  /** Puts a note on a construct, replacing an earlier one. Templates don't contain it. */
  public put(construct: IConstruct, value: T): void {
    Object.defineProperty(construct, this.key, { value, configurable: true });
  }

  /** The note on a construct. */
  public on(construct: IConstruct): T | undefined {
    const value: T | undefined = Reflect.get(construct, this.key);
    return value;
  }

  /** The notes on all constructs of an app, in the order of the tree. */
  public inAppOf(construct: IConstruct): T[] {
    const all = construct.node.root.node.findAll().map((one) => this.on(one));
    return all.filter((value) => value !== undefined);
  }
}
