// Graphs and templates that cannot work, and what only the whole folder shows.

import { inDag, type Mistake } from './mistake.ts'

export const GRAPH_MISTAKES: readonly Mistake[] = [
  {
    name: 'a circle',
    code: 'DAG_CYCLE',
    line: 3,
    says: 'remove one of these edges',
    text: inDag('', `const a = dag.task('a', () => 1)()\nconst b = dag.task('b', () => 1)()\na.before(b)\nb.before(a)`),
  },
  {
    name: 'a task before itself',
    code: 'DAG_INVALID',
    line: 4,
    says: 'cannot come before itself',
    text: inDag('', `const a = dag.task('a', () => 1)()\na.before(a)`),
  },
  {
    name: 'a task id twice',
    code: 'DAG_INVALID',
    line: 4,
    says: 'task "a" is already registered',
    text: inDag('', `dag.task('a', () => 1)()\ndag.task('a', () => 2)()`),
  },
  {
    name: 'a task that was never called',
    code: 'DAG_INVALID',
    line: 3,
    says: 'call what dag.task(…) returned once',
    text: inDag('', `dag.task('a', () => 1)`),
  },
  {
    name: 'a task that was called twice',
    code: 'DAG_INVALID',
    line: 5,
    says: 'reuse the reference',
    text: inDag('', `const a = dag.task('a', () => 1)\na()\na()`),
  },
  {
    name: 'a factory where its reference belongs',
    code: 'DAG_INVALID',
    line: 5,
    says: 'call it first',
    text: inDag('', `const a = dag.task('a', () => 1)\nconst b = dag.task('b', () => 1)()\nb.before(a)\na()`),
  },
  {
    name: 'a task of another DAG',
    code: 'DAG_INVALID',
    line: 5,
    says: 'belongs to another DAG',
    text: inDag(
      '',
      `const other = new Dag('$id_other')\nconst far = other.task('far', () => 1)()\ndag.task('near', ({ n }: { n: number }) => n)({ n: far })`,
    ),
  },
  {
    name: 'a task inside a list of inputs',
    code: 'DAG_INVALID',
    line: 5,
    says: 'draws no edge',
    text: inDag(
      '',
      `const a = dag.task('a', () => 1)()\nconst all = dag.task('all', ({ list }: { list: unknown[] }) => list.length)\nall({ list: [a] as never })`,
    ),
  },
  {
    name: 'an id with a blank',
    code: 'DAG_INVALID',
    line: 3,
    says: 'may only have letters, digits',
    text: inDag('', `dag.task('load prices', () => 1)()`),
  },
  {
    name: 'a handler without a name or id',
    code: 'DAG_INVALID',
    line: 3,
    says: 'pass an id',
    text: inDag('', `dag.task(() => 1)()`),
  },
  {
    name: 'a literal that is no JSON',
    code: 'DAG_INVALID',
    line: 3,
    says: 'since',
    text: inDag('', `dag.task('a', ({ since }: { since: Date }) => since.getTime())({ since: new Date(0) as never })`),
  },
  {
    name: 'an expansion over a text',
    code: 'DAG_INVALID',
    line: 4,
    says: 'expected a task, an array or an object',
    text: inDag(
      'expand',
      `const load = dag.task('load', ({ file }: { file: string }) => file)\nexpand(load, { file: 'a.csv' })`,
    ),
  },
  {
    name: 'a condition without a side',
    code: 'DAG_INVALID',
    line: 3,
    says: 'names no branch',
    text: inDag('', `dag.if(() => true, undefined, { taskId: 'is' })`),
  },
  {
    name: 'an unknown name in a template',
    code: 'TEMPLATE_INVALID',
    line: 4,
    says: 'did you mean ds?',
    text:
      `import { Dag } from 'baram'\nimport { bash } from 'baram/operators'\nexport const dag = new ` +
      `Dag('$id')\ndag.task('a', bash({ bashCommand: 'echo {{dss}}' }))()\n`,
  },
  {
    name: 'a template in Jinja’s spelling',
    code: 'TEMPLATE_INVALID',
    line: 4,
    says: 'cannot be read',
    text:
      `import { Dag } from 'baram'\nimport { bash } from 'baram/operators'\nexport const dag = new ` +
      `Dag('$id')\ndag.task('a', bash({ bashCommand: 'echo {{ macros.ds_add(ds, 7) }}' }))()\n`,
  },
  {
    name: 'a template that names a param nobody declares',
    code: 'TEMPLATE_INVALID',
    line: 4,
    says: 'did you mean limit?',
    text:
      `import { Dag } from 'baram'\nimport { bash } from 'baram/operators'\nexport const dag = new Dag('$id', { ` +
      `params: { limit: 5 } })\ndag.task('a', bash({ bashCommand: 'echo {{params.limits}}' }))()\n`,
  },
  {
    name: 'tpl of something undefined',
    code: 'DAG_INVALID',
    line: 3,
    says: 'is undefined',
    text: inDag(
      'tpl',
      `const path = tpl\`/in/\${({} as Record<string, string>)['day']}\`\ndag.task('a', () => path)()`,
    ),
  },
  {
    name: 'a trigger of a DAG that nobody has',
    code: 'DAG_UNKNOWN',
    line: 3,
    says: 'correct dagId',
    text: inDag('triggerDagRun', `dag.task('next', triggerDagRun({ dagId: 'nobody' }))()`),
  },
  {
    name: 'a sensor on a DAG that nobody has',
    code: 'DAG_UNKNOWN',
    line: 4,
    says: 'correct externalDagId',
    text:
      `import { Dag } from 'baram'\nimport { externalTaskSensor } from 'baram/operators'\nexport const dag = new ` +
      `Dag('$id')\ndag.task('wait', externalTaskSensor({ externalDagId: 'nobody' }))()\n`,
  },
  {
    name: 'a DAG id that another file has',
    code: 'DAG_DUPLICATE',
    line: 2,
    says: 'give one of the two another id',
    text: `import { Dag } from 'baram'\nexport const dag = new Dag('taken')\ndag.task('a', () => 1)()\n`,
  },
  {
    name: 'a DAG id twice in a file',
    code: 'DAG_INVALID',
    line: 3,
    says: 'is declared twice in this file',
    text: `import { Dag } from 'baram'\nexport const dag = new Dag('$id')\nexport const dagAgain = new Dag('$id')\ndag.task('a', () => 1)()\n`,
  },
]
