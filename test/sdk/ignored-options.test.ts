// Options that their comment calls "Accepted, ignored": taken as Airflow's SDK takes them, and without any effect.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { Dag } from '../../sdk/index.ts'
import { serializeDag } from '../../sdk/serialize.ts'

const types = readFileSync(new URL('../../sdk/types.ts', import.meta.url), 'utf8')
const ignored = [...types.matchAll(/\/\*\* Accepted, ignored: [^/]*\*\/\n {2}readonly (\w+)\?: (\w+)/g)].map(
  ([, name = '', type]) => [name, type === 'string' ? 'text' : true] as const,
)
const read = (dag: object, task: object) => {
  const made = new Dag('one', dag)
  made.task('only', () => 1, task)()
  return serializeDag(made, { maxActiveTasks: 16, maxActiveRuns: 16 })
}

it('are those that nothing reads', () => {
  expect(ignored.map(([name]) => name)).toEqual([
    'disableBundleVersioning',
    'ignoreFirstDependsOnPast',
    'executor',
    'returnsDagResult',
    'emailOnFailure',
    'emailOnRetry',
  ])
})

// Stored and read by nothing: `pastAllows` of core/decide.ts lets every first instance run.
it.each(ignored.filter(([name]) => name !== 'ignoreFirstDependsOnPast'))(
  '%s changes nothing of what is stored',
  (name, value) => {
    const ofDag = name === 'disableBundleVersioning'
    const given = { [name]: value }
    expect(read(ofDag ? given : {}, ofDag ? {} : given)).toEqual(read({}, {}))
  },
)
