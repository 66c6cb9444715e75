// One engine a test, on one server a file; its ledger is checked when the test is over.

import { afterAll, afterEach, beforeAll } from 'vitest'
import { startEngine, type TestEngine } from './engine.ts'
import { startTestPostgres, type TestPostgres } from './postgres.ts'

/** Call once at the top of a file; the returned function gives a test its engine. */
export function useEngines(): () => Promise<TestEngine> {
  let postgres: TestPostgres
  const open: TestEngine[] = []
  beforeAll(async () => {
    postgres = await startTestPostgres()
  })
  afterEach(async () => {
    for (const engine of open.splice(0)) await engine.close()
  })
  afterAll(() => postgres.stop())
  return async () => {
    const engine = await startEngine(postgres)
    open.push(engine)
    return engine
  }
}
