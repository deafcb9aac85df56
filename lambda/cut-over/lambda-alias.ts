/**
 * Restart of a Lambda function behind an alias: a new version has new execution environments, which read where the
 * database is. The configuration of a published version is frozen, and Lambda publishes no second version of the same
 * code and configuration; so the function's description gets a mark of the run first. What was done is found again by
 * that mark, and each change is made only on the revision that was read.
 * https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
 */
import {
  type AliasConfiguration,
  type FunctionConfiguration,
  GetAliasCommand,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { keyOf, type Progress, type Restarting, type RestartWay, type Started } from './way';

const MOST_CHARACTERS = 256;
const MARK = /\s*\[lifeboat \S+\]$/;

export class LambdaAliasRestart implements RestartWay {
  public readonly name: string;

  constructor(
    private readonly lambda: LambdaClient,
    private readonly functionName: string,
    private readonly alias: string,
  ) {
    this.name = `function ${functionName}, alias ${alias}`;
  }

  async warnings(): Promise<string[]> {
    const alias = await this.readAlias();
    const [latest, live] = [await this.configuration(), await this.configuration(alias.FunctionVersion)];
    this.refuseOtherCode(latest, live);
    const differing = differences(latest, live);
    return [
      `${this.name}: the configuration of a published version is frozen, so an address in its environment stays that ` +
        'of the damaged database; it must read a secret, a parameter or a DNS name',
      `${this.name}: the restart changes the description of the function, which its stack does not know`,
      ...(differing.length > 0
        ? [
            `${this.name}: the function was changed since version ${live.Version} was published, in ` +
              `${differing.join(', ')}; the restart publishes that as well`,
          ]
        : []),
    ];
  }

  async start(restarting: Restarting): Promise<Started> {
    try {
      return await this.next(`[lifeboat ${keyOf(restarting)}]`);
    } catch (error) {
      if (!(error instanceof Error) || !TRY_AGAIN.includes(error.name)) throw error;
      return { waits: `${error.name}: ${error.message}` };
    }
  }

  async look(id: string): Promise<Progress> {
    const { FunctionVersion } = await this.readAlias();
    const state = `the alias names version ${FunctionVersion}`;
    if (FunctionVersion === id) return { done: true, state };
    const failed = `${this.name}: ${state}, not ${id}: somebody else moved it; see that it reads the new address`;
    return { done: false, state, failed };
  }

  /** The next change that is still to be made. */
  private async next(mark: string): Promise<Started> {
    const alias = await this.readAlias();
    const live = await this.configuration(alias.FunctionVersion);
    if (live.Description?.endsWith(mark) && live.Version !== undefined) return { id: live.Version };
    const latest = await this.configuration();
    if (latest.LastUpdateStatus === 'InProgress') return { waits: 'Lambda is still updating the function' };
    this.refuseOtherCode(latest, live);
    const description = latest.Description ?? '';
    if (!description.endsWith(mark)) {
      const kept = description.replace(MARK, '').slice(0, MOST_CHARACTERS - mark.length - 1);
      await this.lambda.send(
        new UpdateFunctionConfigurationCommand({
          FunctionName: this.functionName,
          Description: `${kept} ${mark}`.trim(),
          RevisionId: latest.RevisionId,
        }),
      );
      return { waits: 'Lambda is updating the function' };
    }
    // Publishing the same again gives the same version.
    const { Version } = await this.lambda.send(
      new PublishVersionCommand({
        FunctionName: this.functionName,
        CodeSha256: latest.CodeSha256,
        RevisionId: latest.RevisionId,
      }),
    );
    if (Version === undefined) return { waits: 'Lambda has published no version yet' };
    const { State = 'Active', StateReason = '' } = await this.configuration(Version);
    if (State === 'Pending') return { waits: `version ${Version} is being prepared` };
    if (State === 'Failed') {
      throw new Error(
        `${this.name}: version ${Version} can't run (${StateReason}), so the alias still names version ` +
          `${live.Version}, whose environments may hold the old address; publish another version, and move the alias`,
      );
    }
    await this.lambda.send(
      new UpdateAliasCommand({
        FunctionName: this.functionName,
        Name: this.alias,
        FunctionVersion: Version,
        RevisionId: alias.RevisionId,
      }),
    );
    return { id: Version };
  }

  private async readAlias(): Promise<AliasConfiguration> {
    const { functionName: FunctionName, alias: Name } = this;
    const alias = await this.lambda.send(new GetAliasCommand({ FunctionName, Name }));
    const weights = Object.keys(alias.RoutingConfig?.AdditionalVersionWeights ?? {});
    if (alias.FunctionVersion === '$LATEST') {
      throw new Error(`${this.name} names $LATEST; only an alias of a published version can be moved`);
    }
    if (weights.length === 0) return alias;
    throw new Error(
      `${this.name} sends some calls to version ${weights.join(', ')} as well, as a deployment in progress does; ` +
        'finish it first',
    );
  }

  private async configuration(Qualifier?: string): Promise<FunctionConfiguration> {
    const { functionName: FunctionName } = this;
    return this.lambda.send(new GetFunctionConfigurationCommand({ FunctionName, Qualifier }));
  }

  /** Code that was uploaded and not released yet must not be released by a recovery. */
  private refuseOtherCode(latest: FunctionConfiguration, live: FunctionConfiguration): void {
    if (latest.CodeSha256 === live.CodeSha256) return;
    throw new Error(
      `${this.name}: $LATEST holds other code than version ${live.Version}, and a restart would release it; publish a ` +
        'version of the code that runs, and move the alias to it',
    );
  }
}

/** Lambda is at work on the function, or somebody else changed it at the same moment. */
const TRY_AGAIN = ['ResourceConflictException', 'PreconditionFailedException'];

const COMPARED = ['Environment', 'Layers', 'Runtime', 'Handler', 'MemorySize', 'Timeout', 'Role', 'VpcConfig'] as const;

/** Names only: an environment holds values. */
function differences(one: FunctionConfiguration, other: FunctionConfiguration): string[] {
  return COMPARED.filter((member) => JSON.stringify(one[member]) !== JSON.stringify(other[member]));
}
