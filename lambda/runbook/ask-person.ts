/** Asks until an answer counts: those that don't are recorded, and do nothing. */
import { type Approval, type Approvers, type Judged, judge, nameOfCheck, type Shown } from './approval';
import { describe } from './error-text';

/** What one question got: the text of an answer, or none. A failure that somebody sent is an answer without a proof. */
export type Answered = { readonly question: string } & (
  | { readonly text: string }
  | { readonly none: 'in time' | 'with a proof' }
);

export interface Asking {
  readonly name: string;
  readonly shown: Shown;
  readonly approvers: Approvers;
  readonly execution: string;
  readonly began: number;
  readonly until: number;
  /** Read in steps only. */
  readonly clock: () => number;
  /** Asks, and waits so long for an answer. */
  readonly answer: (seconds: number) => Promise<Answered>;
  readonly step: <T>(name: string, effect: () => Promise<T>) => Promise<T>;
}

/** Answers that one approval takes before it stops waiting: each costs operations, of which an execution has 3,000. */
export const MOST_ANSWERS = 25;

export async function askPerson(asking: Asking): Promise<Approval> {
  const { name, shown, began } = asking;
  const expires = Date.parse(shown.expires);
  if (Number.isNaN(expires)) throw new Error(`'expires' of '${name}' is '${shown.expires}', which is not a moment`);
  const until = Math.min(asking.until, expires);
  const ignored: string[] = [];
  let now = began;
  for (let asked = 0; now < until && asked < MOST_ANSWERS; asked++) {
    const answered = await asking.answer(Math.ceil((until - now) / 1000));
    const { judged, at } = await check(asking, answered);
    now = at;
    if (judged && 'outcome' in judged) return { ...judged, at: iso(now), ignored };
    if (judged) ignored.push(`${iso(now)}: ${judged.ignored}`);
  }
  if (now < until) ignored.push(`${iso(now)}: no answer is taken after ${MOST_ANSWERS} that did not count`);
  return { outcome: 'timed-out', by: null, at: iso(now), ignored };
}

interface Checked {
  readonly at: number;
  /** Null when there was no answer. */
  readonly judged: Judged | null;
}

async function check({ execution, shown, approvers, clock, step }: Asking, answered: Answered): Promise<Checked> {
  const { question } = answered;
  const effect = async (): Promise<Checked> => {
    const at = clock();
    if ('text' in answered) {
      return { at, judged: await judge(answered.text, { execution, question }, shown, approvers, at) };
    }
    const isOver = answered.none === 'in time';
    return { at, judged: isOver ? null : { ignored: 'it was sent as a failure, which proves nobody' } };
  };
  try {
    return await step(nameOfCheck(question), effect);
  } catch (error) {
    const judged = { ignored: `its proof could not be checked: ${describe(error)}` };
    return { at: await step(`time of ${question}`, async () => clock()), judged };
  }
}

const iso = (moment: number) => new Date(moment).toISOString();
