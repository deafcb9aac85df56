/** Incidents as they are rehearsed: they happen on real PostgreSQL, and the shipped runbooks recover from them. */
import { Writable } from 'node:stream';
import type { IncidentName } from '../../../rehearsal/incidents/incidents';
import { rehearseIncident } from '../../../rehearsal/incidents/rehearse';
import { Narrator } from '../../../rehearsal/story/narrator';

/** What a user would read. */
function listener() {
  let said = '';
  const out = new Writable({
    write(chunk, _encoding, done) {
      said += chunk;
      done();
    },
  });
  return { narrator: new Narrator(out as unknown as NodeJS.WriteStream), said: () => said };
}

const rehearse = async (incident: IncidentName) => {
  const { narrator, said } = listener();
  const outcome = await rehearseIncident(
    { incident, rows: 10_000, keep: false },
    narrator,
    new AbortController().signal,
  );
  return { outcome, said: said() };
};

test('rows that were deleted are back, and the application never stopped', async () => {
  const { outcome, said } = await rehearse('delete-without-where');
  expect(outcome).toMatchObject({ outcome: 'recovered', asExpected: true, takenBack: null });
  expect(outcome.provenRows).toBeGreaterThanOrEqual(10_000);
  // Between the DELETE and the next vote a reader may find none, which is no fault of the recovery.
  expect(outcome.application).toMatchObject({ failed: 0, restarts: 0 });
  expect(said).toMatch(/approval wanted: insert-missing of public.votes as of /);
  expect(said).toMatch(/missing, 0 changed, /);
});

test('a table is replaced under load, and put back, without a lost vote or an empty moment', async () => {
  const { outcome, said } = await rehearse('bad-migration');
  expect(outcome).toMatchObject({ outcome: 'recovered', takenBack: 'undone', asExpected: true, lostVotes: 0 });
  expect(outcome.application).toMatchObject({ failed: 0, foundEmpty: 0 });
  expect(said).toMatch(/transaction \d+ wrote [\d,]+ of them/);
});

test.each<[IncidentName, string | null]>([
  ['dropped-table', null],
  ['corrupt-page', 'rolled back'],
])('%s: the whole database is recovered beside the damaged one', async (incident, takenBack) => {
  const { outcome, said } = await rehearse(incident);
  expect(outcome).toMatchObject({ outcome: 'recovered', takenBack, asExpected: true });
  expect(outcome.application.written).toBeGreaterThan(0);
  expect(said).toMatch(/Neither database is deleted/);
});
