/**
 * Text from outside in Markdown: a table's name or an error stays text, on its own line, and can't become a heading, a
 * link, an image, HTML, or another cell.
 */
import { visible } from './visible';

export const markdown = (text: string): string =>
  visible(text.replace(/\s*[\r\n]\s*/g, ' '))
    // Underscores inside words don't make emphasis, and names often have them.
    .replace(/[\\`*[\]|~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\$&')
    // As entities: not every reader of Markdown knows backslashes before HTML.
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    // Characters that would turn the line into a heading, a quotation, a list or a rule.
    .replace(/^\s*(?=[#>+=-])/, '$&\\')
    .replace(/^(\s*\d+)(?=[.)])/, '$1\\');

/** A heading and a list; nothing without lines. */
export const section = (title: string, lines: readonly string[]) =>
  lines.length > 0 ? ['', `## ${title}`, '', ...lines.map((line) => `- ${markdown(line)}`)] : [];

export const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows.map((cells) => cells.map(markdown))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
