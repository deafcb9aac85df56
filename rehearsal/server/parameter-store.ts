/** SSM's Parameter Store, as far as runbooks use it; kept in memory. */
import { CallError } from './call';
import { type JsonOperations, onlyThese, text } from './json-protocol';
import { ACCOUNT } from './world';

interface Parameter {
  readonly Name: string;
  readonly ARN: string;
  readonly Type: string;
  readonly Value: string;
  readonly Version: number;
  readonly LastModifiedDate: number;
  readonly DataType: string;
}

/** The operations on one rehearsal's parameters. */
export function parameterOperations(): JsonOperations {
  const parameters = new Map<string, Parameter>();
  return {
    PutParameter(input, region) {
      onlyThese(input, ['Name', 'Value', 'Type', 'Description', 'Overwrite', 'Tier', 'DataType', 'Tags']);
      const name = text(input, 'Name');
      const before = parameters.get(`${region}${name}`);
      if (before && input.Overwrite !== true) {
        throw new CallError(
          'ParameterAlreadyExists',
          'The parameter already exists. To overwrite it, set overwrite to true.',
        );
      }
      const Version = (before?.Version ?? 0) + 1;
      parameters.set(`${region}${name}`, {
        Name: name,
        ARN: `arn:aws:ssm:${region}:${ACCOUNT}:parameter/${name.replace(/^\//, '')}`,
        Type: before && input.Type === undefined ? before.Type : text(input, 'Type'),
        Value: text(input, 'Value'),
        Version,
        LastModifiedDate: Date.now() / 1000,
        DataType: 'text',
      });
      return { Version, Tier: 'Standard' };
    },

    GetParameter(input, region) {
      onlyThese(input, ['Name', 'WithDecryption']);
      const parameter = parameters.get(`${region}${text(input, 'Name')}`);
      if (!parameter) throw new CallError('ParameterNotFound', `Parameter ${input.Name} not found.`);
      return { Parameter: parameter };
    },

    GetParametersByPath(input, region) {
      onlyThese(input, ['Path', 'Recursive', 'WithDecryption', 'NextToken']);
      const path = `${region}${text(input, 'Path').replace(/\/$/, '')}/`;
      const found = [...parameters]
        .filter(([key]) => key.startsWith(path) && (input.Recursive === true || !key.slice(path.length).includes('/')))
        .map(([, parameter]) => parameter);
      // AWS answers with 10 at most.
      const from = Number(input.NextToken ?? 0);
      const next = from + 10;
      return { Parameters: found.slice(from, next), NextToken: next < found.length ? String(next) : undefined };
    },

    DeleteParameter(input, region) {
      onlyThese(input, ['Name']);
      if (!parameters.delete(`${region}${text(input, 'Name')}`)) {
        throw new CallError('ParameterNotFound', `Parameter ${input.Name} not found.`);
      }
      return {};
    },
  };
}
