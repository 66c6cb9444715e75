// Nothing found is a failure: a module that lacks what its version has never makes a run green.

import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AttemptHarness, startAttempts } from '../support/attempts.ts'
import { eventually } from '../support/baram.ts'

const CODE = "import { Dag } from 'baram'\nexport const dag = new Dag('d')\ndag.task('says', () => 'ran')()\n"

describe('a module', () => {
  let harness: AttemptHarness
  beforeAll(async () => {
    harness = await startAttempts(CODE)
  })
  afterAll(() => harness.stop())

  it.each([
    ['is empty', '', 'holds no DAG d'],
    ['lacks the DAG', CODE.replace("'d'", "'e'"), 'holds no DAG d'],
    ['lacks the task', CODE.replace("'says'", "'said'"), 'holds no task says in DAG d'],
    ['is cut short', CODE.slice(0, -20), 'SyntaxError|Unexpected'],
    ['throws', "throw new Error('at its top')", 'at its top'],
  ])('that %s fails the attempt, and the next try reads it anew', async (_, damaged, message) => {
    const whole = readFileSync(harness.modulePath, 'utf8')
    writeFileSync(harness.modulePath, damaged)
    const failed = await harness.run('says')
    writeFileSync(harness.modulePath, whole)
    expect(failed.result).toMatchObject({ kind: 'failure', isRetryable: true })
    expect(JSON.stringify(failed.lines)).toMatch(new RegExp(message))
    expect((await harness.run('says')).result).toEqual({ kind: 'success', value: 'ran' })
    // The good one must not be what the next case meets.
    harness.pool.killAll()
    await eventually('its process to be gone', () => harness.pool.size === 0)
  })
})
