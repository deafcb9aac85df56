import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(__dirname, '..', '..');

/**
 * Synthesises an app in a fresh process, with the context that the CDK CLI would pass on.
 *
 * @returns the folder of its assembly, a fresh one within `folder`
 */
export async function synthesise(app: string, folder: string, variables: Record<string, string> = {}): Promise<string> {
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
  const outdir = mkdtempSync(join(folder, 'out-'));
  const env = { ...process.env, ...variables, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) };
  await promisify(execFile)(process.execPath, [app], { cwd: ROOT, env });
  return outdir;
}
