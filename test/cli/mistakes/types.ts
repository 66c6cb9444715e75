// Mistakes that the compiler finds, in sentences that help.

import { inDag, type Mistake } from './mistake.ts'

export const TYPE_MISTAKES: readonly Mistake[] = [
  {
    name: 'an input of the wrong type',
    code: 'TS2322',
    line: 4,
    says: "'string' is not assignable to type",
    text: inDag('', `const double = dag.task('double', ({ n }: { n: number }) => n * 2)\ndouble({ n: 'two' })`),
  },
  {
    name: 'a ref of the wrong type',
    code: 'TS2322',
    line: 5,
    says: 'is not assignable',
    text: inDag(
      '',
      `const text = dag.task('text', () => 'x')\nconst double = dag.task('double', ({ n }: { n: number }) => n * 2)\ndouble({ n: text() })`,
    ),
  },
  {
    name: 'a missing input',
    code: 'TS2345',
    line: 4,
    says: "Property 'n' is missing",
    text: inDag(
      '',
      `const double = dag.task('double', ({ n }: { n: number }) => n * 2)\ndouble({} as never as { m: number })`,
    ).replace('{} as never as { m: number }', '{}'),
  },
  {
    name: 'a misspelled input',
    code: 'TS2353',
    line: 4,
    says: "'count' does not exist",
    text: inDag('', `const double = dag.task('double', ({ n }: { n: number }) => n * 2)\ndouble({ n: 1, count: 2 })`),
  },
  {
    name: 'inputs for a task that takes none',
    code: 'TS2554',
    line: 3,
    says: 'Expected 0 arguments',
    text: inDag('', `dag.task('none', () => 1)({ n: 1 })`),
  },
  {
    name: 'a Date as the value of a task',
    code: 'TS2349',
    line: 3,
    says: 'a task must return JSON',
    text: inDag('', `dag.task('when', () => new Date(0))()`),
  },
  {
    name: 'a Map inside the value of a task',
    code: 'TS2349',
    line: 3,
    says: 'a task must return JSON',
    text: inDag('', `dag.task('map', () => ({ found: new Map<string, number>() }))()`),
  },
  {
    name: 'a bigint as the value of a task',
    code: 'TS2349',
    line: 3,
    says: 'a task must return JSON',
    text: inDag('', `dag.task('big', () => 10n)()`),
  },
  {
    name: 'a promise inside the value of a task: a missing await',
    code: 'TS2349',
    line: 3,
    says: 'a task must return JSON',
    text: inDag('getClient', `dag.task('region', () => ({ region: getClient().getVariable('region') }))()`),
  },
  {
    name: 'a call that nobody waits for',
    code: 'PROMISE_FLOATING',
    line: 4,
    says: 'write await in front of it',
    text: inDag('getClient', `dag.task('keep', async () => {\n  getClient().setVariable('a', 'b')\n})()`),
  },
  {
    name: 'a promise used as if it were its value',
    code: 'TS2339',
    line: 4,
    says: "'host' does not exist on type 'Promise",
    text: inDag(
      'getClient',
      `dag.task('host', () => {\n  return getClient().getConnectionOrThrow('x').host ?? null\n})()`,
    ),
  },
  {
    name: 'a value that may be missing',
    code: 'TS18047',
    line: 4,
    says: 'possibly',
    text: inDag(
      'getClient',
      `dag.task('length', async () => {\n  const region = await getClient().getVariable('region')\n  return region.length\n})()`,
    ).replace(
      "const region = await getClient().getVariable('region')\n  return region.length",
      "const region = await getClient().getVariable('region'); return region.length",
    ),
  },
  {
    name: 'a name that baram does not have',
    code: 'FILE_IMPORT',
    line: 1,
    says: 'sensors',
    text: `import { Dag, sensors } from 'baram'\nexport const dag = new Dag('$id')\ndag.task('a', () => String(sensors))()\n`,
  },
  {
    name: 'two parameters instead of one object',
    code: 'DAG_INVALID',
    line: 3,
    says: 'one object of named arguments',
    text: inDag('', `dag.task('sum', (a: number, b: number) => a + b)`),
  },
  {
    name: 'a task without a handler',
    code: 'DAG_INVALID',
    line: 3,
    says: 'expected a function or an operator, found nothing',
    text: inDag('', `dag.task('none')()`),
  },
  {
    name: 'a condition that returns no boolean',
    code: 'TS2322',
    line: 3,
    says: 'not assignable to type',
    text: inDag('', `dag.if(() => 'yes', undefined, { taskId: 'is' }).then(dag.task('a', () => 1)())`),
  },
  {
    name: 'a poke that returns text',
    code: 'TS2322',
    line: 3,
    says: 'not assignable',
    text: inDag('sensor', `dag.task('there', sensor({ poke: () => 'yes' }))()`),
  },
  {
    name: 'a branch that may choose an unknown task',
    code: 'BRANCH_UNKNOWN',
    line: 4,
    says: 'may choose "fats"',
    text: inDag(
      'branch',
      `const fast = dag.task('fast', () => 1)()\ndag.task('choose', branch(() => 'fats'))().before(fast)`,
    ),
  },
  {
    name: 'a mapping over the result of a task that is no list',
    code: 'TS2769',
    line: 5,
    says: "'number' is not assignable to type 'readonly string[]'",
    text: inDag(
      'expand',
      `const size = dag.task('size', () => 5)()\nconst load = dag.task('load', ({ file }: { file: string }) => file)\nexpand(load, { file: size })`,
    ),
  },
  {
    name: 'a param of a type that its schema does not have',
    code: 'TS2339',
    line: 4,
    says: "'toUpperCase' does not exist on type 'number'",
    text:
      `import { Dag, defineParams, getParams, param } from 'baram'\nconst params = defineParams({ limit: param(5, ` +
      `{ type: 'integer' }) })\nexport const dag = new Dag('$id', { params })\ndag.task('a', () => ` +
      `getParams(params).limit.toUpperCase())()\n`,
  },
]
