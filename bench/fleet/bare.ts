/** The same resources and files as those of a synthesised fleet, with no more of CDK than it takes to write them down. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, CfnResource, Stack } from 'aws-cdk-lib';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';

interface Resource {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
  readonly DependsOn?: string | string[];
}

/** Where the fleet lies. */
const from = String(process.env.FLEET);

const app = new App();
for (const file of readdirSync(from).filter((name) => name.endsWith('.template.json'))) {
  const name = file.replace('.template.json', '');
  const stack = new Stack(app, `Bare${name}`, { env: { account: '111122223333', region: 'eu-west-1' } });
  const read = (suffix: string) => JSON.parse(readFileSync(join(from, `${name}.${suffix}.json`), 'utf8'));
  for (const [id, { source }] of Object.entries<{ source: { path: string; packaging: string } }>(
    read('assets').files,
  )) {
    if (source.packaging === 'zip') new Asset(stack, `Asset${id}`, { path: join(from, source.path) });
  }
  const resources = Object.entries<Resource>(read('template').Resources);
  const made = new Map(
    resources.map(([id, { Type, Properties }]) => [
      id,
      new CfnResource(stack, id, { type: Type, properties: Properties }),
    ]),
  );
  for (const [id, { DependsOn = [] }] of resources) {
    for (const other of [DependsOn].flat()) made.get(id)?.addDependency(made.get(other) as CfnResource);
  }
}
