/** What an approver of a table recovery reads, in words: what was found, what would be written, and what is lost. */
import type { RecoveryDraft, TableWay } from '../contract';
import type { Comparison } from '../tables/protocol';
import type { ToBringBack } from './story';
import { nameOf } from './write';

type Sections = RecoveryDraft['sections'];

export function proposalOf(way: TableWay, all: readonly ToBringBack[]): Sections {
  return [
    { title: 'What differs', lines: all.map(differs) },
    { title: 'What would be written', lines: all.map((one) => writes(way, one)) },
    { title: 'What is not brought back', lines: all.flatMap((one) => left(way, one)) },
    { title: 'Transactions that wrote the changed rows', lines: all.flatMap(changers) },
    { title: 'What comes along', lines: all.flatMap(({ planned }) => planned.carried) },
    { title: 'Warnings', lines: all.flatMap(({ planned }) => planned.warnings) },
  ].filter(({ lines }) => lines.length > 0);
}

/** Whether there is anything to write at all. */
export const isNeeded = (way: TableWay, { missing, changed, extra }: Comparison): boolean =>
  way === 'insert-missing' ? missing > 0 : way === 'overwrite-changed' ? changed > 0 : missing + changed + extra > 0;

const many = (count: number) => count.toLocaleString('en');

const differs = ({ planned, compared }: ToBringBack) =>
  `${nameOf(planned)}: ${many(compared.rowsInCopy)} rows in the copy, ${many(compared.rowsInLive)} live: ` +
  `${many(compared.missing)} missing, ${many(compared.changed)} changed, ${many(compared.extra)} only live`;

function writes(way: TableWay, { planned, compared }: ToBringBack): string {
  const name = nameOf(planned);
  const { missing, changed, extra, rowsInCopy } = compared;
  if (way === 'insert-missing') return `${name}: ${many(missing)} rows are inserted, none is changed or deleted`;
  if (way === 'overwrite-changed') {
    return `${name}: ${many(changed)} rows get the copy's values, where they still are as compared; none is inserted or deleted`;
  }
  return (
    `${name}: replaced by a table with the ${many(rowsInCopy)} rows of the copy and the ${many(extra)} that are only live; ` +
    `the old table is kept until the hold time is over`
  );
}

function left(way: TableWay, { planned, compared }: ToBringBack): string[] {
  const name = nameOf(planned);
  const { missing, changed, extra } = compared;
  if (way === 'insert-missing') {
    return changed > 0 ? [`${name}: ${many(changed)} changed rows stay as they are now`] : [];
  }
  if (way === 'overwrite-changed') {
    return missing > 0 ? [`${name}: ${many(missing)} missing rows stay missing`] : [];
  }
  const lost = changed > 0 ? [`${name}: ${many(changed)} rows lose what was written since the restore point`] : [];
  return extra > 0 ? [...lost, `${name}: ${many(extra)} rows that are only live are kept`] : lost;
}

const changers = ({ planned, compared }: ToBringBack) =>
  compared.changedBy.map(
    ({ transaction, rows }) => `${nameOf(planned)}: transaction ${transaction} wrote ${many(rows)} of them`,
  );
