#!/usr/bin/env node
/** The command line: reads arguments, calls what does the work, and says how it ended. */
import { Command } from 'commander';
import { visibleLines } from '../lambda/evidence/visible';
import packageJson from '../package.json';
import { addApprove } from './commands/approve';
import { addEvidence } from './commands/evidence';
import { addHold } from './commands/hold';
import { addList } from './commands/list';
import { addRegion } from './commands/region';
import { addRehearse } from './commands/rehearse';
import { addSnapshot } from './commands/snapshot';
import { addStatus } from './commands/status';
import { codeOfFailure, MISUSED, PROVEN, said } from './ending';

// Everything here works on Node 20; the SDK's deprecation warning would only confuse.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

// Exports of the user's shell for other databases (PGSSLMODE, PGOPTIONS ...) would apply to those of a rehearsal too.
for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name];

const program = new Command('lifeboat')
  .description('Backups on AWS that are proven by restoring them.')
  .version(packageJson.version)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? PROVEN : MISUSED))
  .showHelpAfterError('(lifeboat --help says more)');

addRehearse(program);
addRegion(program);
addSnapshot(program);
addEvidence(program);
addHold(program);
addList(program);
addStatus(program);
addApprove(program);

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`lifeboat: ${visibleLines(said(error))}\n`);
  process.exitCode = codeOfFailure();
});
