import { describe, expect, it } from 'vitest'
import { cron, Dag, defineTrigger, every, param } from '../../sdk/index.ts'
import { label } from '../../sdk/labels.ts'
import { defineOperator } from '../../sdk/operator.ts'
import { serializeDag } from '../../sdk/serialize.ts'

const read = (dag: Dag) => serializeDag(dag, { maxActiveTasks: 16, maxActiveRuns: 16 })

function faultOf(make: () => Dag): string {
  try {
    read(make())
    return 'no fault'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const withDag = (options: object) => () => {
  const dag = new Dag('d', options as never)
  dag.task('x', () => 1)()
  return dag
}
const withTask = (options: object) => () => {
  const dag = new Dag('d')
  dag.task('x', () => 1, options as never)()
  return dag
}
const NUL = 'a\u0000b'
const HALF = 'a\ud800'

/** Everything a DAG file hands to a column or to JSON, with a value that neither holds. */
const REFUSED: readonly (readonly [string, () => Dag, string])[] = [
  ...['description', 'dagDisplayName', 'docMd', 'queue'].flatMap((key) => [
    [`a NUL in ${key}`, withDag({ [key]: NUL }), `"${key}" must be text without NUL`] as const,
    [`half a pair in ${key}`, withDag({ [key]: HALF }), `"${key}" must be text without halves`] as const,
  ]),
  ...['owner', 'queue', 'pool', 'docMd', 'mapIndexTemplate', 'executor'].flatMap((key) => [
    [`a NUL in a task's ${key}`, withTask({ [key]: NUL }), `"${key}" must be text without NUL`] as const,
  ]),
  ...['queue', 'pool'].map(
    (key) => [`a long ${key}`, withTask({ [key]: 'x'.repeat(257) }), `"${key}" must be text of 1 to 256`] as const,
  ),
  ['a long tag', withDag({ tags: ['ok', 't'.repeat(101)] }), '"tags" must be text of 1 to 100 characters, found 101'],
  ['an empty tag', withDag({ tags: [''] }), '"tags" must be text of 1 to 100 characters, found 0'],
  ['a NUL in a tag', withDag({ tags: [NUL] }), '"tags" must be text without NUL'],
  ...['retries', 'poolSlots', 'priorityWeight', 'maxActiveTisPerDag', 'maxActiveTisPerDagrun'].flatMap((key) => [
    [`${key} beyond int4`, withTask({ [key]: 2 ** 31 }), `"${key}" must be at most 2147483647`] as const,
    [`${key} of MAX_SAFE_INTEGER`, withTask({ [key]: Number.MAX_SAFE_INTEGER }), `"${key}" must be at most`] as const,
    [`a broken ${key}`, withTask({ [key]: 1.5 }), `"${key}" must be a whole number`] as const,
  ]),
  ['a priorityWeight below int4', withTask({ priorityWeight: -(2 ** 31) - 1 }), '"priorityWeight" must be a whole'],
  ...['maxActiveTasks', 'maxActiveRuns', 'maxConsecutiveFailedDagRuns'].map(
    (key) => [`${key} beyond int4`, withDag({ [key]: 2 ** 31 }), `"${key}" must be at most 2147483647`] as const,
  ),
  ...['retryDelay', 'maxRetryDelay', 'executionTimeout'].map(
    (key) => [`${key} in milliseconds`, withTask({ [key]: 1.8e12 }), `"${key}" is in seconds and at most`] as const,
  ),
  ['dagrunTimeout without end', withDag({ dagrunTimeout: Number.MAX_VALUE }), '"dagrunTimeout" is in seconds'],
  ['dagrunTimeout of nothing', withDag({ dagrunTimeout: 0 }), '"dagrunTimeout" must be more than 0 seconds'],
  ['a start date in the year 0', withDag({ startDate: new Date('0000-06-01T00:00:00Z') }), 'of the years 1 to 9999'],
  ['an end date in the year 10000', withDag({ endDate: new Date('+010000-01-01T00:00:00Z') }), 'found year 10000'],
  ["a task's date in the year 10000", withTask({ startDate: new Date(8.64e15) }), 'found year 275760'],
  ['a delta of 110 years', () => withDag({ schedule: every({ days: 40_000 }) })(), 'at least once in 100 years'],
  ['a NUL in the name of a param', withDag({ params: { [NUL]: 1 } }), 'NUL character'],
  ['a NUL in the description of a param', withDag({ params: { p: param(1, { description: NUL }) } }), 'NUL character'],
  [
    'a NUL in a label',
    () => {
      const dag = new Dag('d')
      const [a, b] = [dag.task('a', () => 1)(), dag.task('b', () => 1)()]
      a.before(label(b, NUL) as never)
      return dag
    },
    'NUL character',
  ],
  [
    'a NUL in the name of an operator',
    () => {
      const dag = new Dag('d')
      dag.task('x', defineOperator({ name: NUL, execute: () => 1 }))()
      return dag
    },
    'NUL character',
  ],
  [
    'half a pair in an option',
    () => {
      const dag = new Dag('d')
      dag.task('x', defineOperator({ name: 'Op', options: { deep: [HALF] }, execute: () => 1 }))()
      return dag
    },
    'surrogate pair',
  ],
  ['a DAG called ..', () => new Dag('..'), 'must not be ".."'],
  ['a DAG called .', () => new Dag('.'), 'must not be "."'],
]

describe('a DAG file is told at its declaration about', () => {
  it.each(REFUSED)('%s', (_, make, sentence) => {
    expect(faultOf(make)).toContain(sentence)
  })

  it('a trigger whose name cannot be stored', () => {
    expect(() => defineTrigger({ name: NUL, run: () => Promise.resolve(1) })).toThrow('text without NUL')
  })
})

describe('what fits is taken as it is', () => {
  it.each([
    withTask({ retries: 2 ** 31 - 1, priorityWeight: -(2 ** 31), executionTimeout: 2_592_000, retryDelay: 31_622_400 }),
    withDag({ tags: ['t'.repeat(100), '가나'], startDate: new Date('0001-01-01T00:00:00Z'), dagDisplayName: '😀' }),
    withDag({ schedule: cron('0 0 29 2 *', { timezone: 'UTC' }), endDate: new Date('9999-12-31T00:00:00Z') }),
  ])('%#', (make) => {
    expect(faultOf(make)).toBe('no fault')
  })
})
