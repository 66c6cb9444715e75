// The note of a run: one verb for API, page and command.

import { expect, test } from 'vitest'
import { setRunNote } from '../../engine/runs/note.ts'
import { NOTE_LENGTH } from '../../store/note.ts'
import type { TestEngine } from '../support/engine.ts'
import { makeDag } from '../support/make-dag.ts'
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
