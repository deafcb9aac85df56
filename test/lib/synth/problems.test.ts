/** All refusals of constructs read the same: whose they are, then every problem on a line of its own. */
import { refuseAll } from '../../../lib/synth/problems';

test('names all problems at once, each on a line of its own', () => {
  expect(() => refuseAll("vault 'Stack/Vault'", ['it has no name; name it', 'it is full; make another'])).toThrow(
    new Error("vault 'Stack/Vault':\n  it has no name; name it\n  it is full; make another"),
  );
});

test('without a problem nothing is refused', () => {
  expect(() => refuseAll("vault 'Stack/Vault'", [])).not.toThrow();
});
