/** Ends the output of a test run with one line that a machine can read: `N passed, N failed`. */
module.exports = class Tally {
  onRunComplete(_, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    // A suite that can't even load has failed, though none of its tests ran.
    const line = `${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed`;
    // Jest's own summary comes after all reporters.
    process.once('exit', () => console.log(line));
  }
};
