import {
  GetParametersCommand,
  type Parameter,
  type ParameterMetadata,
  paginateDescribeParameters,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { type Files, json, sorted } from './configuration-files';

/** GetParameters takes ten names. */
const BATCH = 10;

/** All parameters in one file; secure ones in another, under a key of its own, or not at all. */
export async function* parametersOf(ssm: SSMClient, beginnings?: readonly string[], secureValuesKey?: string): Files {
  const found: ParameterMetadata[] = [];
  for await (const { Parameters = [] } of paginateDescribeParameters({ client: ssm }, {})) {
    found.push(
      ...Parameters.filter(({ Name = '' }) => !beginnings || beginnings.some((start) => Name.startsWith(start))),
    );
  }
  // The description says which are secure, so that their values are never requested.
  const plain = found.filter(({ Type }) => Type !== 'SecureString');
  const described = (parameter: Parameter, of: readonly ParameterMetadata[]) => {
    const { Description, Tier, AllowedPattern, DataType, KeyId } = of.find(({ Name }) => Name === parameter.Name) ?? {};
    const { Name, Type, Value } = parameter;
    return { Name, Type, Value, Description, KeyId, Tier, AllowedPattern, DataType };
  };
  const values = await valuesOf(ssm, plain, false);
  yield json(
    'parameters.json',
    values.map((parameter) => described(parameter, plain)),
  );
  if (!secureValuesKey) return;
  const secure = found.filter(({ Type }) => Type === 'SecureString');
  const secrets = await valuesOf(ssm, secure, true);
  yield {
    ...json(
      'secure-parameters.json',
      secrets.map((parameter) => described(parameter, secure)),
    ),
    // A hash of the values would let others guess them. After the key was replaced, values that did not change could
    // become unreadable with the old one.
    fingerprinted: JSON.stringify([
      secureValuesKey,
      ...secrets.map(({ Name, Version, LastModifiedDate }) => [Name, Version, LastModifiedDate]),
    ]),
    encryptionKey: secureValuesKey,
  };
}

async function valuesOf(ssm: SSMClient, of: readonly ParameterMetadata[], decrypted: boolean): Promise<Parameter[]> {
  const names = of.map(({ Name }) => String(Name));
  const values: Parameter[] = [];
  for (let start = 0; start < names.length; start += BATCH) {
    const { Parameters = [] } = await ssm.send(
      new GetParametersCommand({ Names: names.slice(start, start + BATCH), WithDecryption: decrypted }),
    );
    // Invalid names were deleted since they were listed. Parameters that became secure since are left out.
    values.push(...Parameters.filter(({ Type }) => (Type === 'SecureString') === decrypted));
  }
  return sorted(values, 'Name');
}
