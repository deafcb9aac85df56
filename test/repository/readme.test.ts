/** Every TypeScript example of the README and of docs/ compiles, as a reader would paste it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examplesOf, pages, read, roomPages, root } from './pages';

/** Blocks fenced as ts. One without imports continues the one before it. */
function examples(text: string): string[] {
  const programs: string[] = [];
  for (const code of examplesOf(text)) {
    const previous = /^import /m.test(code) ? undefined : programs.pop();
    programs.push(previous === undefined ? code : `${previous}\n${code}`);
  }
  return programs;
}

test('a block without imports continues the one before', () => {
  const text = "```ts\nimport 'a';\n```\ntext\n```ts\nb();\n```\n```sh\nls\n```\n```ts\nimport 'c';\n```\n";
  expect(examples(text)).toEqual(["import 'a';\n\nb();\n", "import 'c';\n"]);
});

test('the examples of the README and of docs/ compile', () => {
  const programs = pages.flatMap((page) => {
    const found = examples(read(page));
    const hasToShow = page === 'README.md' || roomPages.includes(page);
    expect([page, found.length > 0 || !hasToShow]).toEqual([page, true]);
    return found;
  });
  const project = mkdtempSync(join(tmpdir(), 'lifeboat-readme-'));
  try {
    mkdirSync(join(project, 'node_modules'));
    for (const name of ['aws-cdk-lib', 'constructs']) {
      symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name), 'junction');
    }
    symlinkSync(root, join(project, 'node_modules', 'cdk-lifeboat'), 'junction');
    programs.forEach((code, index) => {
      writeFileSync(join(project, `example-${index}.ts`), code);
    });
    const compilerOptions = {
      strict: true,
      noEmit: true,
      module: 'node16',
      moduleResolution: 'node16',
      target: 'es2022',
      skipLibCheck: true,
      types: [],
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['example-*.ts'] }));
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', project];
    expect(printed(tsc)).toBe('');
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});

/** What the compiler says, which a failed test then shows. */
function printed(args: string[]): string {
  try {
    return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    return String((error as { stdout?: string }).stdout ?? error);
  }
}
