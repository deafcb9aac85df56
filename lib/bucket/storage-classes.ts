/**
 * Storage classes that a lifecycle moves objects into: the earliest day, the minimum days billed, and the price.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 */
export interface StorageClass {
  readonly name: string;
  /** Minimum days that an object is billed for. */
  readonly minimumDays: number;
  /** Earliest day of a move into it. */
  readonly earliestDay: number;
  /** US dollars a GB and month, in us-east-1. */
  readonly price: number;
}

/** From top to bottom of the waterfall: objects only ever move down. */
const WATERFALL: readonly StorageClass[] = [
  { name: 'STANDARD_IA', minimumDays: 30, earliestDay: 30, price: 0.0125 },
  { name: 'INTELLIGENT_TIERING', minimumDays: 0, earliestDay: 0, price: 0.023 },
  { name: 'ONEZONE_IA', minimumDays: 30, earliestDay: 30, price: 0.01 },
  { name: 'GLACIER_IR', minimumDays: 90, earliestDay: 0, price: 0.004 },
  { name: 'GLACIER', minimumDays: 90, earliestDay: 0, price: 0.0036 },
  { name: 'DEEP_ARCHIVE', minimumDays: 180, earliestDay: 0, price: 0.00099 },
];

/** Undefined for S3 Standard, and for classes that no lifecycle moves objects into. */
export const classOf = (name: string) => WATERFALL.find((storageClass) => storageClass.name === name);

/** Whether objects may move from one class into another. */
export const isBelow = (name: string, than: StorageClass) =>
  WATERFALL.findIndex((one) => one.name === name) > WATERFALL.indexOf(than);

/** What it costs when objects leave a class too early. */
export function unusedStorage({ name, minimumDays, price }: StorageClass, stored: number): string {
  const days = minimumDays - stored;
  const dollars = ((price * days) / 30).toPrecision(2);
  return `${name}, which is billed for at least ${minimumDays} days, so ${days} unused days cost about $${dollars} a GB`;
}
