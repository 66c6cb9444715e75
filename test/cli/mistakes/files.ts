// Files that cannot be read at all.

import { inDag, type Mistake } from './mistake.ts'

export const FILE_MISTAKES: readonly Mistake[] = [
  {
    name: 'a DAG that is not exported',
    code: 'FILE_EMPTY',
    line: 2,
    says: 'export one',
    text: `import { Dag } from 'baram'\nconst dag = new Dag('$id')\ndag.task('a', () => 1)()\n`,
  },
  {
    name: 'a bracket too few',
    code: 'FILE_SYNTAX',
    line: 4,
    says: 'Unexpected end of file',
    text: inDag('', `dag.task('a', () => 1)(`),
  },
  {
    name: 'an import of a file that is not there',
    code: 'FILE_IMPORT',
    line: 1,
    says: 'correct the path',
    text: `import { helper } from './missing.ts'\nimport { Dag } from 'baram'\nexport const dag = new Dag('$id')\ndag.task('a', () => String(helper))()\n`,
  },
  {
    name: 'an import of a package that is not installed',
    code: 'FILE_IMPORT',
    line: 1,
    says: 'npm install no-such-package',
    text: `import { helper } from 'no-such-package'\nimport { Dag } from 'baram'\nexport const dag = new Dag('$id')\ndag.task('a', () => String(helper))()\n`,
  },
  {
    name: 'a throw at the top',
    code: 'FILE_THROWS',
    line: 3,
    says: 'belongs into a task',
    text: inDag('', `throw new Error('no such luck')`),
  },
  {
    name: 'work at the top that fails',
    code: 'FILE_THROWS',
    line: 3,
    says: 'belongs into a task',
    text: inDag('', `export const rows = JSON.parse('{')`),
  },
  {
    name: 'an await that never ends',
    code: 'FILE_DIED',
    line: 3,
    says: 'an await that never ends',
    text: inDag('', `await new Promise((done) => setTimeout(done, 1_000_000))\ndag.task('a', () => 1)()`),
  },
  {
    name: 'an endless loop',
    code: 'FILE_DIED',
    line: 3,
    says: 'endless loop',
    text: inDag('', `for (;;) {}`),
  },
  {
    name: 'a process that ends itself',
    code: 'FILE_DIED',
    line: 3,
    says: 'must not end their process',
    text: inDag('', `process.exit(1)`),
  },
  {
    name: 'an environment variable that does not come here',
    code: 'ENV_ABSENT',
    line: 3,
    says: 'getVariable("shop_url")',
    text: inDag('', `dag.task('a', () => process.env['SHOP_URL'] ?? null)()`),
  },
  {
    name: 'a context asked for at the top',
    code: 'DAG_INVALID',
    line: 3,
    says: 'works only inside a running task',
    text: inDag('getRun', `export const today = getRun().local.ds\ndag.task('a', () => today)()`),
  },
  {
    name: 'a condition that is awaited',
    code: 'DAG_INVALID',
    line: 3,
    says: 'drop the await',
    text: inDag(
      '',
      `const is = await dag.if(() => true, undefined, { taskId: 'is' })\ndag.task('a', () => String(is))()`,
    ),
  },
]
