// Notes of runs and task instances: one verb each for API, page and command.

import { expect, test } from 'vitest'
import { setVariable } from '../../engine/admin/variables.ts'
import { clear } from '../../engine/control/clear.ts'
import { setInstanceNote } from '../../engine/control/note.ts'
import { setRunNote } from '../../engine/runs/note.ts'
import { NOTE_LENGTH } from '../../store/note.ts'
import type { TestEngine } from '../support/engine.ts'
import { makeDag } from '../support/make-dag.ts'
import { clearOf, depsOf } from '../support/run-requests.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
const kim = { name: 'kim', via: 'ui' } as const

const noteOf = async (engine: TestEngine) =>
  (await engine.query<{ note: string | null }>('select note from dag_run'))[0]?.note

test('the note of a run is set, replaced and removed, with an audit row each', async () => {
  const engine = await makeEngine()
  await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
  await engine.trigger('one', { runId: 'r' })
  for (const note of ['late data', 'fixed: 원인은 거래소', null]) {
    await setRunNote(engine, { dagId: 'one', runId: 'r', note }, kim)
    expect(await noteOf(engine)).toBe(note)
  }
  const rows = await engine.query(
    "select owner, run_id, extra::jsonb ->> 'via' as via from log where event = 'dag_run.patch'",
  )
  expect(rows).toEqual(Array.from({ length: 3 }, () => ({ owner: 'kim', run_id: 'r', via: 'ui' })))
})

test('a note that is too long, or of a run that is not there, changes nothing and says so', async () => {
  const engine = await makeEngine()
  await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
  await engine.trigger('one', { runId: 'r' })
  const note = 'x'.repeat(NOTE_LENGTH)
  await setRunNote(engine, { dagId: 'one', runId: 'r', note }, kim)
  await expect(setRunNote(engine, { dagId: 'one', runId: 'r', note: `${note}x` }, kim)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    message: 'a note has at most 1000 characters, found 1001',
    details: { field: 'note' },
  })
  await expect(setRunNote(engine, { dagId: 'one', runId: 'gone', note }, kim)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  expect(await noteOf(engine)).toBe(note)
})

test('a secret of the vault is hidden by each verb that takes a note, whoever calls it', async () => {
  const engine = await makeEngine()
  await engine.addDag(makeDag(['a'], [], { dagId: 'one' }))
  await setVariable(engine, { key: 'api_token', value: 'tok-8f3a9c77de-long', description: null }, kim)
  const note = 'used tok-8f3a9c77de-long'
  const instanceNotes = () => engine.query('select note from task_instance')
  await engine.trigger('one', { runId: 'r', note })
  expect(await noteOf(engine), 'of a run that is made').toBe('used ***')
  await setRunNote(engine, { dagId: 'one', runId: 'r', note: null }, kim)
  await setRunNote(engine, { dagId: 'one', runId: 'r', note }, kim)
  expect(await noteOf(engine), 'of a run').toBe('used ***')
  const [ti] = await engine.query<{ id: string }>('select id from task_instance')
  const place = { dagId: 'one', runId: 'r', taskId: 'a', mapIndex: null }
  await setInstanceNote(engine, { ...place, ids: [ti?.id ?? ''], note }, kim)
  expect(await instanceNotes(), 'of an instance').toEqual([{ note: 'used ***' }])
  await setInstanceNote(engine, { ...place, ids: [ti?.id ?? ''], note: null }, kim)
  await clear(depsOf(engine, engine.makeScheduler()), clearOf('one', { note }), kim)
  expect(await instanceNotes(), 'of a clear').toEqual([{ note: 'used ***' }])
  const rows = await engine.query<{ text: string }>('select row_to_json(l)::text as text from log l')
  expect(rows.filter(({ text }) => text.includes('tok-8f3a9c77de'))).toEqual([])
})
