/** Puts what a function is to do beside its code, where whoever may only start it can't change it. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stage, Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import { DEFINITION_FILE, type FromEnvironment } from '../../lambda/contract';

export interface DefinedCode {
  readonly code: lambda.Code;
  /** What only deployment knows, by the names that the file has for it. */
  readonly environment: Record<string, string>;
}

/**
 * The bundle in a folder, and the definition beside it. Environment variables alone would not do: Lambda takes 4 KB of them
 * in all, and the queries of a hundred checks are more. A file alone would not do either: synth writes it, and does not know
 * what is only known at deployment.
 *
 * @param bundle folder of the function's code
 */
export function definedCode(scope: IConstruct, bundle: string, definition: object): DefinedCode {
  const environment: Record<string, string> = {};
  const json = JSON.stringify(settled(definition, 'DEFINITION', environment), null, 2);
  const hash = createHash('sha256').update(json);
  const files = readdirSync(bundle);
  for (const file of files) hash.update(readFileSync(join(bundle, file)));
  // In the assembly, where CDK takes it as it is: nothing is copied twice, and nothing is left in the temporary folder.
  const folder = join(String(Stage.of(scope)?.assetOutdir), `lifeboat.${hash.digest('hex')}`);
  mkdirSync(folder, { recursive: true });
  for (const file of files) copyFileSync(join(bundle, file), join(folder, file));
  writeFileSync(join(folder, DEFINITION_FILE), json);
  return { code: lambda.Code.fromAsset(folder), environment };
}

/** Texts with tokens in them become the names of variables, after their place: `DEFINITION_COPY_SUBNET_GROUP`. */
function settled(value: unknown, name: string, environment: Record<string, string>): unknown {
  if (typeof value === 'string' && Token.isUnresolved(value)) {
    environment[name] = value;
    return { fromEnvironment: name } satisfies FromEnvironment;
  }
  if (Token.isUnresolved(value)) {
    throw new Error(
      `${name} is a number or list that only deployment knows, so it can't be part of what a function is deployed with; ` +
        'write its value',
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item, index) => settled(item, `${name}_${index + 1}`, environment));
  const part = (key: string) => `${name}_${key.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, settled(item, part(key), environment)]));
}
