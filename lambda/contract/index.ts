/**
 * The contract: all that synth writes and runbooks read. Both sides import this folder, and nothing else of each other.
 *
 * Everything here is plain JSON. A runbook parses its input at its start, and reports all problems at once; after that
 * nothing is checked again.
 */
export * from './aws-backup';
export * from './bucket';
export * from './cache';
export * from './configuration';
export * from './definition';
export * from './deployed';
export * from './drill';
export * from './evidence';
export * from './handlers';
export * from './hold';
export * from './images';
export * from './inventory';
export * from './metrics';
export * from './names';
export * from './parse';
export * from './rds';
export * from './rds-limits';
export * from './recovery';
export * from './recovery-document';
export * from './recovery-lock';
