/**
 * Tells a rehearsal as it happens: chapters with the time they took, and a line that moves while something is under
 * way. On a terminal in colour and in place; elsewhere in plain lines, of which none says less.
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
    // A terminal that says `dumb` takes neither colours nor a line drawn again.
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

  /** What is going on now, until the next. Plain output names it when it ends, with its time. */
  doingNow(text: string): void {
    if (text === this.doing?.text) return;
    this.done();
    this.doing = { text, since: performance.now() };
    this.draw();
  }

  /** The same work, further on. */
  progress(text: string): void {
    if (!this.doing) return;
    this.doing.text = text;
    this.draw();
  }

  /** Ends what was going on; nothing when nothing was. */
  done(): void {
    const { doing } = this;
    this.doing = undefined;
    if (!doing) return;
    const seconds = (performance.now() - doing.since) / 1000;
    this.line(`  ${doing.text.padEnd(58)} ${this.paint('dim', duration(seconds).padStart(9))}`);
  }

  /** One line. What it says may name things of a database, so nothing in it moves the cursor. */
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
    // A line that wraps could not be drawn again in its place.
    const room = Math.max(0, (this.columns ?? 80) - time.length - 2);
    this.out.write(`\r\u001b[2K${INDENT}${this.doing.text.slice(0, room)} ${this.paint('dim', time)}`);
  }
}
