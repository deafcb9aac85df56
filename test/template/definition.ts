/** What a function was deployed with, read from the assembly as Lambda would read it from its code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Stack, Stage } from 'aws-cdk-lib';
import { DEFINITION_FILE, fillIn } from '../../lambda/contract';
import { resolved } from './policies';
import { Template } from './stacks';

/** @param id pattern of the function's logical ID */
export function deployedWith(stack: Stack, id: RegExp): unknown {
  const functions = Object.entries(Template.fromStack(stack).findResources('AWS::Lambda::Function'));
  const [found, ...others] = functions.filter(([logicalId]) => id.test(logicalId)).map(([, resource]) => resource);
  if (!found || others.length > 0) throw new Error(`${id} matches not one of ${functions.map(([name]) => name)}`);
  const { Code, Environment } = found.Properties;
  const asset = String(Code.S3Key).replace(/\.zip$/, '');
  const folder = Stage.of(stack)?.outdir ?? '';
  const manifest = JSON.parse(readFileSync(join(folder, `${stack.artifactId}.assets.json`), 'utf8'));
  const text = readFileSync(join(folder, manifest.files[asset].source.path, DEFINITION_FILE), 'utf8');
  const variables = Object.entries(Environment?.Variables ?? {}).map(([name, value]) => [name, resolved(value)]);
  return fillIn(JSON.parse(text), Object.fromEntries(variables));
}
