// Old files of a host: which go, and which are not ours to remove.

import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { removeExpired } from '../../worker/housekeeping.ts'

const NOW = Date.UTC(2024, 2, 18)
const MODULE = `${'a'.repeat(64)}.mjs`
let home: string
const logs = () => join(home, 'logs')
const modules = () => join(home, 'modules')
function put(path: string, days: number): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, 'x')
  const at = new Date(NOW - days * 86_400_000)
  utimesSync(path, at, at)
  return path
}
const remove = (logRetentionDays: number, versionRetentionDays: number) =>
  removeExpired({ logFolder: logs(), logRetentionDays, versionRetentionDays }, modules(), NOW)
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'baram-old-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

it('old logs and modules go with the folders they leave empty; young ones and what is not ours stay', async () => {
  const old = [
    put(join(logs(), 'dag_id=d', 'run_id=r1', 'task_id=t', 'attempt=1.log'), 11),
    put(join(logs(), 'dag_id=d', 'run_id=r2', 'task_id=t', 'map_index=3', 'attempt=2.log'), 11),
    put(join(modules(), MODULE), 31),
    put(join(modules(), `${MODULE}.123.tmp`), 31),
  ]
  const kept = [
    put(join(logs(), 'dag_id=d', 'run_id=r2', 'task_id=t', 'map_index=4', 'attempt=1.log'), 9),
    put(join(logs(), 'scheduler.log'), 400),
    put(join(logs(), 'dag_id=d', 'notes.txt'), 400),
    put(join(logs(), 'archive', 'attempt=1.log'), 400),
    put(join(modules(), MODULE.replaceAll('a', 'b')), 29),
    put(join(modules(), 'node_modules', 'baram', MODULE), 400),
  ]
  expect(await remove(10, 30)).toBe(4)
  expect(old.filter(existsSync)).toEqual([])
  expect(kept.filter((path) => !existsSync(path))).toEqual([])
  expect(existsSync(join(logs(), 'dag_id=d', 'run_id=r1'))).toBe(false)
})

it('0 days keep everything for ever, and a folder that is not there is no error', async () => {
  put(join(logs(), 'dag_id=d', 'run_id=r', 'task_id=t', 'attempt=1.log'), 9_999)
  expect(await remove(0, 0)).toBe(0)
  expect(await remove(0, 30)).toBe(0)
})
