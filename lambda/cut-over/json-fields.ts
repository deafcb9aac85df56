/**
 * Fields of a JSON text, replaced in place: everything else stays as it was, byte for byte. The text is a secret's
 * value, so no error repeats any of it.
 */

export type Replacement = string | number;

interface Field {
  readonly name: string;
  readonly value: unknown;
  /** Where its value stands in the text. */
  readonly from: number;
  readonly to: number;
}

const STRING = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /[ \t\r\n]*/y;
const SCALAR = /[^,\]}\s]+/y;

/**
 * The fields of an object's own level.
 *
 * @returns undefined for a text that is not an object of JSON
 */
export function fieldsOf(text: string): Field[] | undefined {
  const whole = parsed(text);
  if (typeof whole !== 'object' || whole === null || Array.isArray(whole)) return undefined;
  const fields: Field[] = [];
  let at = past(SPACE, text, 0) + 1;
  for (;;) {
    at = past(SPACE, text, at);
    if (text[at] === ',') at = past(SPACE, text, at + 1);
    if (text[at] === '}') return fields;
    const end = past(STRING, text, at);
    const name = JSON.parse(text.slice(at, end)) as string;
    // Past the colon.
    const from = past(SPACE, text, past(SPACE, text, end) + 1);
    const to = pastValue(text, from);
    fields.push({ name, value: JSON.parse(text.slice(from, to)), from, to });
    at = to;
  }
}

/** @throws Error for a field that is absent or given twice */
export function replaceFields(text: string, replacements: Readonly<Record<string, Replacement>>): string {
  const fields = fieldsOf(text) ?? [];
  const edits = Object.entries(replacements).map(([name, value]) => {
    const [field, twice] = fields.filter((one) => one.name === name);
    if (!field) throw new Error(`it has no field '${name}'`);
    if (twice) throw new Error(`it has the field '${name}' twice, and programs differ in which one they read`);
    // A port that is a text stays one.
    const written = typeof field.value === 'string' ? String(value) : value;
    return { ...field, written: JSON.stringify(written) };
  });
  edits.sort((one, other) => other.from - one.from);
  return edits.reduce((edited, { from, to, written }) => edited.slice(0, from) + written + edited.slice(to), text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Its message quotes the text.
    return undefined;
  }
}

function past(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  pattern.test(text);
  return pattern.lastIndex;
}

function pastValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return past(STRING, text, from);
  if (first !== '{' && first !== '[') return past(SCALAR, text, from);
  let depth = 0;
  for (let at = from; ; ) {
    const character = text[at];
    if (character === '"') {
      at = past(STRING, text, at);
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    if (character === '}' || character === ']') depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
}
