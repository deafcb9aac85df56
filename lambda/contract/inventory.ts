/** What a restored instance held: an object of its own beside the evidence, which names it by its hash. */
import * as v from 'valibot';

/** Kinds of objects that are compared by name, in the order in which they are reported. */
export const INVENTORY_KINDS = [
  'constraint',
  'NOT NULL',
  'index',
  'trigger',
  'policy',
  'grant',
  'view',
  'function',
  'sequence',
  'type',
  'extension',
  'publication',
] as const;
export type InventoryKind = (typeof INVENTORY_KINDS)[number];

/** Read from proofs of any version, so nothing is strict. */
export const inventory = v.object({
  schema: v.literal('lifeboat/inventory/1'),
  roles: v.array(v.string()),
  databases: v.array(
    v.object({
      name: v.string(),
      /** Partitions count as their partitioned table. */
      tables: v.array(
        v.object({
          name: v.string(),
          /** Null where they could not be counted. */
          rows: v.nullable(v.number()),
          /** Partitions it had. */
          partitions: v.optional(v.number()),
          /** Proofs since it was last seen without a row, this one among them; absent where it never was. */
          emptied: v.optional(v.number()),
        }),
      ),
      objects: v.record(v.string(), v.array(v.string())),
      largeObjects: v.number(),
    }),
  ),
});
export type Inventory = v.InferOutput<typeof inventory>;
export type DatabaseInventory = Inventory['databases'][number];
