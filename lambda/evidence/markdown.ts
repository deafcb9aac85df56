/**
 * Text from elsewhere in Markdown: whatever a table's name or an error says stays text, on its own line, and can't become a
 * heading, a link, an image, HTML, or another cell.
 */
import { visible } from './visible';

export const markdown = (text: string): string =>
  visible(text.replace(/\s*[\r\n]\s*/g, ' '))
    // Underscores inside of words are no emphasis, and names are full of them.
    .replace(/[\\`*[\]|~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\$&')
    // As entities: not every reader of Markdown knows backslashes before HTML.
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    // What makes a heading, a quotation, a list or a rule of a line.
    .replace(/^\s*(?=[#>+=-])/, '$&\\')
    .replace(/^(\s*\d+)(?=[.)])/, '$1\\');
