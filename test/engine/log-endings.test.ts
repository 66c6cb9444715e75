// Whether a log says how its attempt ended: told from its last line, however long the rest is.

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { missingEnd } from '../../scheduler/lost-logs.ts'

const folder = mkdtempSync(join(tmpdir(), 'baram-lost-'))
const path = join(folder, 'attempt=1.log')
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const end = `${JSON.stringify({ logger: 'baram', event: 'Ended: success after 1 s' })}\n`
const printed = `${JSON.stringify({ logger: 'task.stdout', event: '"Ended: success' })}\n`

it.each([
  ['ends', printed + end, null],
  ['is empty', '', ''],
  ['was cut off', printed, ''],
  ['was cut off in a line', printed + end.slice(0, 20), '\n'],
  ['only prints what an end looks like', `${printed}${JSON.stringify({ logger: 'task', event: 'Ended: x' })}\n`, ''],
  ['went on after an end', end + printed, ''],
  ['has characters of several bytes', `${'😀'.repeat(50_000)}\n${end}`, null],
])('a log that %s', async (_, text, expected) => {
  writeFileSync(path, text)
  expect(await missingEnd(path)).toBe(expected)
})

it('a log that is not there', async () => {
  expect(await missingEnd(join(folder, 'none.log'))).toBe('')
})

it('of a log of 1 GB no more than the end is read', async () => {
  writeFileSync(path, '')
  truncateSync(path, 2 ** 30)
  writeFileSync(path, `\n${end}`, { flag: 'a' })
  const before = process.memoryUsage.rss()
  expect(await missingEnd(path)).toBeNull()
  expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000)
})
