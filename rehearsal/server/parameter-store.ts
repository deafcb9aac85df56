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
/** AWS keeps as many of each. */
const MOST_VERSIONS = 100;
const TYPES = ['String', 'StringList', 'SecureString'];

function typeOf(input: JsonInput): string {
  const type = word(input, 'Type', 200);
  if (TYPES.includes(type)) return type;
  throw new CallError('ValidationException', `Type is '${type}', but has to be one of ${TYPES.join(', ')}`);
}

/** The operations on one rehearsal's parameters. */
export function parameterOperations(): JsonOperations {
  const parameters = new Map<string, Parameter>();
  /** Their earlier values, by key and version. */
  const history = new Map<string, Map<number, Parameter>>();
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
      const parameter = {
        Name: name,
        ARN: `arn:aws:ssm:${region}:${ACCOUNT}:parameter/${name.replace(/^\//, '')}`,
        Type: before && input.Type === undefined ? before.Type : typeOf(input),
        Value: text(input, 'Value', 8192),
        Version,
        LastModifiedDate: Date.now() / 1000,
        DataType: 'text',
      };
      parameters.set(`${region}${name}`, parameter);
      const versions = history.get(`${region}${name}`) ?? new Map<number, Parameter>();
      history.set(`${region}${name}`, versions.set(Version, parameter));
      versions.delete(Version - MOST_VERSIONS);
      return { Version, Tier: 'Standard' };
    },

    GetParameter(input, region) {
      onlyThese(input, ['Name', 'WithDecryption']);
      const [, name = '', version] = /^(.*?)(?::(\d{1,10}))?$/s.exec(word(input, 'Name', 2048)) ?? [];
      const parameter = parameters.get(`${region}${name}`);
      if (!parameter) throw new CallError('ParameterNotFound', `Parameter ${shown(name)} not found.`);
      if (version === undefined) return { Parameter: parameter };
      const earlier = history.get(`${region}${name}`)?.get(Number(version));
      if (earlier) return { Parameter: { ...earlier, Selector: `:${version}` } };
      const message = `Systems Manager could not find version ${version} of ${shown(name)}.`;
      throw new CallError('ParameterVersionNotFound', message);
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
      history.delete(`${region}${name}`);
      if (!parameters.delete(`${region}${name}`)) {
        throw new CallError('ParameterNotFound', `Parameter ${shown(name)} not found.`);
      }
      return {};
    },
  };
}
