// A folder against what is stored: which DAGs are new, changed, the same, gone or broken, and which version they would have.

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { SerializedDag } from '../../core/serialized.ts'
import { planFolder } from '../../engine/dags/preview-folder.ts'
import { makeDag } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const hash = (text: string) => createHash('sha256').update(text).digest('hex')
// It begins far ahead: soon after 02:00 a DAG without a start date has one more run, that of this morning.
const daily = {
  timetable: { kind: 'cron', expression: '0 2 * * *', timezone: 'UTC', interval: false },
  startDate: '2999-01-01T00:00:00.000Z',
} as const
const dagOf = (dagId: string, tasks = ['a']) => makeDag(tasks, [], { dagId, ...daily })
const inFolder = (dag: SerializedDag, code = `// ${dag.dagId}.ts`) => ({
  dag,
  moduleHash: hash(code),
  file: `${dag.dagId}.ts`,
})

test('a folder is compared with what is stored, and nothing is changed', async () => {
  const engine = await makeEngine()
  for (const id of ['same', 'edited', 'used', 'gone', 'broken']) await engine.addDag(dagOf(id))
  await engine.addDag(dagOf('shown'), { relativeFileloc: 'examples/shown.ts' })
  await engine.trigger('used')
  const planned = await planFolder(engine.database, engine.runCache, {
    dags: [
      inFolder(dagOf('same')),
      inFolder(dagOf('edited', ['a', 'b'])),
      inFolder(dagOf('used'), '// other code'),
      inFolder(dagOf('fresh')),
    ],
    broken: ['broken.ts'],
    elsewhere: 'examples/',
  })
  expect(planned.map((dag) => [dag.dagId, dag.kind, dag.version, dag.nextVersion, dag.lost.length])).toEqual([
    ['broken', 'broken', 1, null, 0],
    // Nobody has run it: its version is replaced.
    ['edited', 'changed', 1, 1, 0],
    ['fresh', 'new', null, 1, 0],
    ['gone', 'gone', 1, null, 10],
    ['same', 'same', 1, null, 0],
    ['used', 'changed', 1, 2, 0],
  ])
  expect(planned.find((dag) => dag.dagId === 'edited')?.tasksAdded).toEqual(['b'])
  expect(await engine.query('select version_number from dag_version')).toHaveLength(6)
})
