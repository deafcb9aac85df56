/**
 * Text from outside, such as a table's name, made safe to show: characters that would move a terminal's cursor, change
 * colours, or reverse the direction of writing are escaped.
 */

/** Control characters, characters that only format, line and paragraph separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** On one line. */
export const visible = (text: string): string => text.replace(UNSEEN, escaped);

/** Keeps line breaks, for texts whose lines are the program's own. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n');

/** As JSON has it, in UTF-16. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
