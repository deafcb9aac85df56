/**
 * Starts the tests that take longest first. On a fresh clone jest orders them by the sizes of their files, so that a
 * short file with a long test comes last, and one of two cores waits for it.
 */
const Sequencer = require('@jest/test-sequencer').default;

const SLOW = [
  'lambda/drill/drill-interleavings',
  'lambda/recover/recover-interleavings',
  'rehearsal/incidents/rehearse-incident',
  'rehearsal/story/surroundings',
  'lambda/detectors/catalogs',
  'lambda/examiner/prepare',
  'lambda/detectors/healthy',
  'dump/dump-script',
  'rehearsal/story/rehearse',
  'lambda/drill/last-proof',
  'examples/zephyr',
  'examples/everything',
  'lambda/tables/unusual',
  'lambda/swap/crash',
  'rehearsal/runbooks/recover-database',
];

const rank = ({ path }) => {
  const at = SLOW.findIndex((name) => path.endsWith(`/test/${name}.test.ts`));
  return at === -1 ? SLOW.length : at;
};

module.exports = class SlowFirst extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((one, other) => rank(one) - rank(other));
  }
};
