/** The identifier of a database whose name CloudFormation generated, as its owner reads it from RDS and states it. */
import { Annotations, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { SourceDatabase } from '../database/source-database';

/** @throws Error when the database is known to be called otherwise, or RDS would call none so */
export function checkStatedIdentifier(scope: IConstruct, source: SourceDatabase, stated: string | undefined): void {
  if (stated === undefined) return;
  const what = `database '${scope.node.path}': 'instanceIdentifier' is '${stated}'`;
  if (Token.isUnresolved(stated)) {
    throw new Error(
      `database '${scope.node.path}': 'instanceIdentifier' is only known at deployment, and what lies in the recovery region ` +
        'must deploy without this stack; write it as text, as `aws rds describe-db-instances` shows it',
    );
  }
  if (!/^[A-Za-z](-?[A-Za-z0-9]){0,62}$/.test(stated)) {
    throw new Error(`${what}, which is not an RDS identifier; write it as \`aws rds describe-db-instances\` shows it`);
  }
  const { ownName } = source;
  if (ownName !== undefined && ownName !== stated.toLowerCase()) {
    throw new Error(
      `${what}, and the database is named '${ownName}', so drills and replicas in the recovery region would look for ` +
        'another one; leave it out',
    );
  }
  if (ownName !== undefined) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:generated-identifier',
    `${what}, a name that CloudFormation generated: when it replaces the instance the name is another one, and drills and ` +
      'replicas in the recovery region look for one that is gone; state the new one then. Do not name the instance itself ' +
      'now: that would replace it with an empty one',
  );
}
