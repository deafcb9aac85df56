/** The stated identifier of a database whose name CloudFormation generated. */
import { Annotations, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { SourceDatabase } from '../database/source-database';

/** @throws Error when the database is known to have another identifier, or the identifier is not valid */
export function checkStatedIdentifier(scope: IConstruct, source: SourceDatabase, stated: string | undefined): void {
  if (stated === undefined) return;
  const what = `database '${scope.node.path}': 'instanceIdentifier' is '${stated}'`;
  if (Token.isUnresolved(stated)) {
    throw new Error(
      `database '${scope.node.path}': 'instanceIdentifier' is unknown until deployment, and the recovery region's stack must ` +
        'deploy without this one; write it as text, as `aws rds describe-db-instances` shows it',
    );
  }
  if (!/^[A-Za-z](-?[A-Za-z0-9]){0,62}$/.test(stated)) {
    throw new Error(`${what}, which is not an RDS identifier; write it as \`aws rds describe-db-instances\` shows it`);
  }
  const { ownName } = source;
  if (ownName !== undefined && ownName !== stated.toLowerCase()) {
    throw new Error(
      `${what}, and the database's own identifier is '${ownName}', so drills and replicas in the recovery region would look for ` +
        'another database; leave it out',
    );
  }
  if (ownName !== undefined) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:generated-identifier',
    `${what}, which CloudFormation generated: after a replacement of the instance the identifier changes, and drills and ` +
      'replicas in the recovery region would look for the old one; state the new one then. Do not set an identifier on the ' +
      'instance itself now: CloudFormation would replace it with an empty one',
  );
}
