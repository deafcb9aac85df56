/** Tests run from the sources; the construct tests use the bundles that `npm run build` left in dist/handlers. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, sourceMaps: 'inline' }],
  },
  reporters: ['default', '<rootDir>/test/tally.js'],
  testTimeout: 60_000,
};
