/** Settings under which PostgreSQL reads damaged pages as if they were sound. */
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import { HIDING, hidden } from '../examiner/hiding-settings';
import type { Session } from '../examiner/session';

export const settings: Detector = {
  name: 'settings',
  phase: 'files',
  serves: ['readable', 'indexes', 'constraints', 'foreign-keys'],
  objects: () =>
    `SELECT oid, name, 0 AS bytes, NULL AS blocks FROM (VALUES ${HIDING.map((name, index) => `(${index + 1}, '${name}')`).join(', ')}) AS setting(oid, name)`,
  examine: read,
};

async function read(_: Session, { name }: Piece, { facts, wanted }: Context): Promise<Examined> {
  if (!facts.hiding.includes(name)) {
    const readable = wanted.has('readable');
    return {
      verdicts: readable ? [{ check: 'readable', outcome: 'passed', observed: 'no setting hides damage' }] : [],
    };
  }
  const { observed, remedy } = hidden(name, facts.user);
  return {
    verdicts: settings.serves
      .filter((check) => wanted.has(check))
      .map((check) => ({ check, outcome: 'not-run', observed, expected: `'${name}' to be off`, remedy })),
  };
}
