/**
 * CDK makes a folder of output in the temporary folder for each app that names none, and leaves it there. Tests make
 * hundreds of apps, with every handler in each folder; what a file's tests made goes when they have run.
 */
const fs = require('node:fs');
const { basename } = require('node:path');

const { mkdtempSync } = fs;
const made = [];
fs.mkdtempSync = (prefix, ...options) => {
  const folder = mkdtempSync(prefix, ...options);
  if (basename(String(prefix)) === 'cdk.out') made.push(folder);
  return folder;
};

afterAll(() => {
  fs.mkdtempSync = mkdtempSync;
  for (const folder of made) fs.rmSync(folder, { recursive: true, force: true });
});
