/** What a recovery leaves behind: a chain of its own for each target, beside that of drills, and signed as that is. */
import * as v from 'valibot';
import { evidenceLink } from './evidence';
import { label, moment, name } from './fields';

/** Where the documents of recoveries lie in the bucket of evidence: `recoveries/<plan>/<target>/<sequence>.json`. */
export const recoveryPrefix = (of: { plan: string; target: string }) => `recoveries/${of.plan}/${of.target}/`;

/**
 * One document of a run. `intent`: the values from before, written ahead of an act that can't be undone by repeating
 * it. `proposal`: what an approval is about. `report`: how it ended.
 */
export const recoveryDocument = v.object({
  ...evidenceLink.entries,
  recovery: label,
  kind: v.picklist(['started', 'proposal', 'approval', 'intent', 'report']),
  /** Names it within its run: a run has one document of each name. */
  name,
  written: moment,
  title: v.string(),
  /** Pairs of what and how much, for people. Nothing in them carries values of users' rows. */
  facts: v.array(v.tuple([v.string(), v.string()])),
  sections: v.array(v.object({ title: v.string(), lines: v.array(v.string()) })),
  /** The same for programs: what a rollback reads. */
  values: v.record(v.string(), v.unknown()),
  /** SHA-256 of its readable form, in hex. */
  text: v.optional(v.object({ sha256: v.string() })),
});
export type RecoveryDocument = v.InferOutput<typeof recoveryDocument>;

/** A document before it has its place in the chain. */
export type RecoveryDraft = Omit<RecoveryDocument, 'schema' | 'sequence' | 'previous' | 'text'>;
