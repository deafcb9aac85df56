/** Puts a function's definition beside its code, where anyone who may only start the function can't change it. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stage, Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import { DEFINITION_FILE, type FromEnvironment } from '../../lambda/contract';

export interface DefinedCode {
  readonly code: lambda.Code;
  /** Values unknown at synth, by their names in the file. */
  readonly environment: Record<string, string>;
}

/**
 * The bundle in a folder, with the definition beside it. Environment variables alone are not enough: Lambda allows 4 KB
 * in all, and the queries of a hundred checks are longer. A file alone is not enough either, since some values are
 * unknown at synth.
 *
 * @param bundle folder of the function's code
 */
export function definedCode(scope: IConstruct, bundle: string, definition: object): DefinedCode {
  const environment: Record<string, string> = {};
  const json = JSON.stringify(settled(definition, 'DEFINITION', environment), null, 2);
  const hash = createHash('sha256').update(json);
  const files = readdirSync(bundle);
  for (const file of files) hash.update(readFileSync(join(bundle, file)));
  // In the assembly, where CDK does not copy it again, and no files stay in the temporary folder.
  const folder = join(String(Stage.of(scope)?.assetOutdir), `lifeboat.${hash.digest('hex')}`);
  mkdirSync(folder, { recursive: true });
  for (const file of files) copyFileSync(join(bundle, file), join(folder, file));
  writeFileSync(join(folder, DEFINITION_FILE), json);
  return { code: lambda.Code.fromAsset(folder), environment };
}

/** Texts with tokens become environment variables named after their place: `DEFINITION_COPY_SUBNET_GROUP`. */
function settled(value: unknown, name: string, environment: Record<string, string>): unknown {
  if (typeof value === 'string' && Token.isUnresolved(value)) {
    environment[name] = value;
    return { fromEnvironment: name } satisfies FromEnvironment;
  }
  if (Token.isUnresolved(value)) {
    throw new Error(
      `${name} is a number or list that is unknown until deployment, so it can't be part of a function's definition; state ` +
        'its value',
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item, index) => settled(item, `${name}_${index + 1}`, environment));
  const part = (key: string) => `${name}_${key.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, settled(item, part(key), environment)]));
}
