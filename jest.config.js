const { availableParallelism } = require('node:os');

/** Tests run from the sources; the construct tests use the bundles that `npm run build` left in dist/handlers. */
// Tests never reach AWS, whose SDK would warn of Node 20 once for each file.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, sourceMaps: 'inline' }],
  },
  setupFilesAfterEnv: ['<rootDir>/test/jest/remove-cdk-out.js'],
  testSequencer: '<rootDir>/test/jest/slow-first.js',
  reporters: ['default', '<rootDir>/test/jest/tally-reporter.js'],
  // A busy machine of two cores takes a minute for what it does alone in fifteen seconds.
  testTimeout: 300_000,
  // Of those that say so: drills on the simulator mostly wait for the durable SDK's own short timers.
  maxConcurrency: 20,
  // Many wait more than they compute, so two fit where jest would run one.
  maxWorkers: Math.max(2, availableParallelism() - 1),
};
