/**
 * Prints a rehearsal as it happens: chapters with their durations, and a line that is redrawn while something is under
 * way. A terminal gets colours and redrawn lines; other outputs get the same facts in plain lines.
 */
import { duration } from '../../lambda/evidence/evidence-text';
import { visible } from '../../lambda/evidence/visible';

type Colour = 'green' | 'red' | 'yellow' | 'dim' | 'bold';
const CODES: Record<Colour, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

const INDENT = '  ';

export class Narrator {
  private readonly start = performance.now();
  private readonly live: boolean;
  private readonly colours: boolean;
  private doing: { text: string; since: number } | undefined;
  private chapters = 0;
  private readonly ticker: NodeJS.Timeout | undefined;

  constructor(private readonly out: NodeJS.WriteStream) {
    // A `dumb` terminal supports neither colours nor redrawn lines.
    this.live = out.isTTY === true && process.env.TERM !== 'dumb';
    this.colours = this.live && !process.env.NO_COLOR;
    if (this.live) this.ticker = setInterval(() => this.draw(), 100).unref();
  }

  /** Characters of a line that say() writes, on a terminal; undefined where lines have no end. */
  get columns(): number | undefined {
    return this.out.isTTY && this.out.columns ? this.out.columns - INDENT.length : undefined;
  }

  /** Begins the next chapter. */
  chapter(title: string): void {
    this.chapters += 1;
    this.heading(`${this.chapters}  ${title}`);
  }

  /** A title without a number. */
  heading(title: string): void {
    this.done();
    this.line(`\n${this.paint('bold', title)}`);
  }

  /** Begins an activity, and ends the one before. Plain output prints it when it ends, with its time. */
  doingNow(text: string): void {
    if (text === this.doing?.text) return;
    this.done();
    this.doing = { text, since: performance.now() };
    this.draw();
  }

  /** Updates the text of the current activity. */
  progress(text: string): void {
    if (!this.doing) return;
    this.doing.text = text;
    this.draw();
  }

  /** Ends the current activity, if there is one. */
  done(): void {
    const { doing } = this;
    this.doing = undefined;
    if (!doing) return;
    const seconds = (performance.now() - doing.since) / 1000;
    this.line(`  ${doing.text.padEnd(58)} ${this.paint('dim', duration(seconds).padStart(9))}`);
  }

  /** One line. It may have names from a database, so control characters are escaped. */
  say(text: string, colour?: Colour): void {
    this.done();
    const line = visible(text);
    this.line(line ? `${INDENT}${colour ? this.paint(colour, line) : line}` : '');
  }

  paint(colour: Colour, text: string): string {
    return this.colours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
  }

  /** Seconds since it began. */
  elapsed(): number {
    return (performance.now() - this.start) / 1000;
  }

  end(): void {
    this.done();
    clearInterval(this.ticker);
  }

  private line(text: string): void {
    this.out.write(`${this.live ? '\r\u001b[2K' : ''}${text}\n`);
  }

  private draw(): void {
    if (!this.live || !this.doing) return;
    const seconds = (performance.now() - this.doing.since) / 1000;
    const time = `${seconds.toFixed(1)} s`;
    // A line that wraps could not be redrawn.
    const room = Math.max(0, (this.columns ?? 80) - time.length - 2);
    this.out.write(`\r\u001b[2K${INDENT}${this.doing.text.slice(0, room)} ${this.paint('dim', time)}`);
  }
}
