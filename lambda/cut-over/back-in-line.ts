/** How a stack is brought back in line after a cut-over, while its deployed template still describes the damaged database. */
import type { DBInstance } from '@aws-sdk/client-rds';
import { type ImportedResource, importedResource, propertiesOf } from './import-template';

export interface OfStack {
  readonly stack: string;
  readonly logicalId: string;
}

export interface BackInLine {
  /** What to do, in this order. */
  readonly lines: readonly string[];
  /** For ways other than a rename: the resource, and what `--resources-to-import` takes. */
  readonly resources?: Readonly<Record<string, ImportedResource>>;
  readonly resourcesToImport?: readonly object[];
}

/** The stack that made an instance, by the tags that CloudFormation gives; undefined where none did. */
export function stackOf({ TagList = [] }: DBInstance): OfStack | undefined {
  const tag = (name: string) => TagList.find(({ Key }) => Key === `aws:cloudformation:${name}`)?.Value;
  const [stack, logicalId] = [tag('stack-name'), tag('logical-id')];
  return stack !== undefined && logicalId !== undefined ? { stack, logicalId } : undefined;
}

/**
 * @param damaged as it was before the recovery
 * @param recovered as it is now
 */
export function backInLine(damaged: DBInstance, recovered: DBInstance, renamed: boolean): BackInLine {
  const of = stackOf(damaged);
  if (!of) {
    return { lines: [`no stack of CloudFormation has made '${damaged.DBInstanceIdentifier}', so none has to follow`] };
  }
  return renamed ? adopted(of, damaged, recovered) : toImport(of, damaged, recovered);
}

/** CloudFormation knows an instance by its identifier, so a rename changes what the stack has without its knowing. */
function adopted({ stack, logicalId }: OfStack, damaged: DBInstance, recovered: DBInstance): BackInLine {
  const drifted = driftOf(damaged, recovered);
  return {
    lines: [
      `stack '${stack}' has the recovered database as '${logicalId}' from now on, since it knows it by its identifier`,
      ...(drifted.length === 0
        ? ['every property that CloudFormation knows is as it was, so the template needs no change']
        : [
            'these properties differ from those of the damaged database; put them into the template, or the next ' +
              'change of the resource sets them back:',
            ...drifted,
          ]),
      `what the stack takes from the attribute DbiResourceId of '${logicalId}', such as policies for rds-db:connect, ` +
        `still has ${damaged.DbiResourceId}; it is ${recovered.DbiResourceId} now`,
      `look for drift: aws cloudformation detect-stack-resource-drift --stack-name ${stack} ` +
        `--logical-resource-id ${logicalId}`,
    ],
  };
}

function toImport({ stack, logicalId }: OfStack, damaged: DBInstance, recovered: DBInstance): BackInLine {
  const { DBInstanceIdentifier: old, PendingModifiedValues: pending = {} } = damaged;
  const { DBInstanceIdentifier, DBInstanceAutomatedBackupsReplications: replications = [] } = recovered;
  const waiting = Object.keys({ ...pending, ...recovered.PendingModifiedValues });
  return {
    lines: [
      `stack '${stack}' still has the damaged database '${old}' as '${logicalId}', and knows nothing of ` +
        `'${DBInstanceIdentifier}'`,
      `1. give '${logicalId}' the DeletionPolicy Retain, and deploy; do it first, or the next step deletes the database`,
      `2. remove '${logicalId}' from the template, and what refers to it, such as secret attachments, alarms and ` +
        `outputs; deploy: the stack forgets '${old}', which stays`,
      `3. add the generated resource as '${logicalId}', change nothing else, and import it: aws cloudformation ` +
        `create-change-set --stack-name ${stack} --change-set-name import-recovered --change-set-type IMPORT ` +
        '--resources-to-import file://resources.json --template-body file://template.json; with CDK: cdk import; read ' +
        'the change set before it is executed, since an import modifies at once what differs',
      '4. put back what referred to it, and how the template gets the password, which is not generated; remove a ' +
        'DBSnapshotIdentifier, which would make a new database; deploy',
      ...(replications.length > 0
        ? ['the key of its replicated backups is not reported by RDS: add AutomaticBackupReplicationKmsKeyId']
        : []),
      ...(waiting.length > 0
        ? [`${waiting.join(', ')} is changing at the moment: generate the resource again once that is done`]
        : []),
    ],
    resources: { [logicalId]: importedResource(recovered) },
    resourcesToImport: [
      {
        ResourceType: 'AWS::RDS::DBInstance',
        LogicalResourceId: logicalId,
        ResourceIdentifier: { DBInstanceIdentifier },
      },
    ],
  };
}

/** Differing properties, each with its value from before and the one it has now. */
export function driftOf(before: DBInstance, now: DBInstance): string[] {
  const [old, present] = [propertiesOf(before), propertiesOf(now)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(present)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [JSON.stringify(old[name]), JSON.stringify(present[name])];
    return was === is ? [] : [`${name}: ${was ?? 'not set'} before, ${is ?? 'not set'} now`];
  });
}
