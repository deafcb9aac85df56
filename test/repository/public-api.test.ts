/** Names that users can import. A change of the list is a decision: `npx jest test/repository/public-api -u`, and the CHANGELOG. */
import { read } from './pages';

test('these names are public, and no others', () => {
  const index = read('lib', 'index.ts');
  const names = Array.from(index.matchAll(/export (type )?\{([^}]*)\} from/g), ([, type = '', list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => (name.startsWith('type ') ? name : `${type}${name}`)),
  ).flat();
  const bare = (name: string) => name.replace(/^type /, '');
  expect(names.sort((one, other) => (bare(one) < bare(other) ? -1 : 1))).toMatchSnapshot();
});
