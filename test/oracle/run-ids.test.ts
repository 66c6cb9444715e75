// Run ids as Airflow makes and reads them.

import { describe, expect, test } from 'vitest'
import { makeRunId, runTypeOf } from '../../core/run-id.ts'
import { RUN_TYPES, type RunType } from '../../core/states.ts'
import { type Explained, ms, readFacts, replay } from './facts.ts'

type Made = readonly [type: string, runAfter: number, hasLogicalDate: boolean, runId: string]
type Inferred = readonly [runId: string, type: string]

const facts = readFacts<{ types: readonly string[]; made: readonly Made[]; inferred: readonly Inferred[] }>('run-ids')
const isRunType = (type: string): type is RunType => RUN_TYPES.some((known) => known === type)
const unknownType = { title: 'The run type operator_triggered' }

describe(`the run ids of Airflow ${facts.airflow}`, () => {
  test('are made the same, eight random characters where no logical date makes them unique', () => {
    const compare = ([type, runAfter, hasDate, runId]: Made): unknown => {
      const found = isRunType(type) ? makeRunId(type, ms(runAfter), hasDate ? undefined : 'XXXXXXXX') : 'unknown type'
      return found === runId ? null : found
    }
    const explained: Explained<Made>[] = [{ ...unknownType, covers: ([type]) => type === 'operator_triggered' }]
    const { count, differences } = replay(facts.made, compare, explained)
    expect(differences).toEqual([])
    expect(count).toBeGreaterThan(70)
  })

  test('tell the same type of run', () => {
    const explained: Explained<Inferred>[] = [{ ...unknownType, covers: ([, type]) => type === 'operator_triggered' }]
    const compare = ([id, type]: Inferred): unknown => (runTypeOf(id) === type ? null : runTypeOf(id))
    const { count, differences } = replay(facts.inferred, compare, explained)
    expect(differences).toEqual([])
    expect(count).toBeGreaterThan(80)
  })
})
