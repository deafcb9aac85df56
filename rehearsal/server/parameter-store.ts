/** SSM's Parameter Store, as far as runbooks use it; kept in memory. */
import { CallError, shown } from './call';
import { type JsonInput, type JsonOperations, onlyThese, refuseBeyond, text, word } from './json-protocol';
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

const MOST_PARAMETERS = 10_000;
const TYPES = ['String', 'StringList', 'SecureString'];

function typeOf(input: JsonInput): string {
  const type = word(input, 'Type', 200);
  if (TYPES.includes(type)) return type;
  throw new CallError('ValidationException', `Type is '${type}', but has to be one of ${TYPES.join(', ')}`);
}

/** The operations on one rehearsal's parameters. */
export function parameterOperations(): JsonOperations {
  const parameters = new Map<string, Parameter>();
  return {
    PutParameter(input, region) {
      onlyThese(input, ['Name', 'Value', 'Type', 'Description', 'Overwrite', 'Tier', 'DataType', 'Tags']);
      const name = word(input, 'Name', 2048);
      const before = parameters.get(`${region}${name}`);
      if (before && input.Overwrite !== true) {
        throw new CallError(
          'ParameterAlreadyExists',
          'The parameter already exists. To overwrite it, set overwrite to true.',
        );
      }
      refuseBeyond(MOST_PARAMETERS, before ? 0 : parameters.size, 'parameters');
      const Version = (before?.Version ?? 0) + 1;
      parameters.set(`${region}${name}`, {
        Name: name,
        ARN: `arn:aws:ssm:${region}:${ACCOUNT}:parameter/${name.replace(/^\//, '')}`,
        Type: before && input.Type === undefined ? before.Type : typeOf(input),
        Value: text(input, 'Value', 8192),
        Version,
        LastModifiedDate: Date.now() / 1000,
        DataType: 'text',
      });
      return { Version, Tier: 'Standard' };
    },

    GetParameter(input, region) {
      onlyThese(input, ['Name', 'WithDecryption']);
      const name = word(input, 'Name', 2048);
      const parameter = parameters.get(`${region}${name}`);
      if (!parameter) throw new CallError('ParameterNotFound', `Parameter ${shown(name)} not found.`);
      return { Parameter: parameter };
    },

    GetParametersByPath(input, region) {
      onlyThese(input, ['Path', 'Recursive', 'WithDecryption', 'NextToken']);
      const path = `${region}${word(input, 'Path', 2048).replace(/\/$/, '')}/`;
      const found = [...parameters]
        .filter(([key]) => key.startsWith(path) && (input.Recursive === true || !key.slice(path.length).includes('/')))
        .map(([, parameter]) => parameter);
      // AWS answers with 10 at most.
      const from = input.NextToken === undefined ? 0 : Number(word(input, 'NextToken', 10));
      if (!Number.isInteger(from) || from < 0)
        throw new CallError('InvalidNextToken', 'The specified token is not valid.');
      const next = from + 10;
      return { Parameters: found.slice(from, next), NextToken: next < found.length ? String(next) : undefined };
    },

    DeleteParameter(input, region) {
      onlyThese(input, ['Name']);
      const name = word(input, 'Name', 2048);
      if (!parameters.delete(`${region}${name}`)) {
        throw new CallError('ParameterNotFound', `Parameter ${shown(name)} not found.`);
      }
      return {};
    },
  };
}
