// The last line of logs whose worker died: written once, by whoever sees the folder, whatever happens to the writer.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { rescue } from '../../engine/attempts/rescue.ts'
import { endLogs, LastReports, LogEnder, readEnd } from '../../engine/process/log-endings.ts'
import { attemptLogPath } from '../../runtime/attempt-log.ts'
import { logFolderId } from '../../runtime/log-folder.ts'
import { databaseNow } from '../../store/postgres/jobs.ts'
import { quietLog, type TestEngine } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const folders: string[] = []
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'baram-endings-'))
  folders.push(folder)
  return folder
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const lineOf = (event: string) => `${JSON.stringify({ logger: 'baram', event })}\n`
const end = lineOf('Ended: success after 1 s')
const printed = `${JSON.stringify({ logger: 'task.stdout', event: '"Ended: success' })}\n`

describe('how a log ends is told from its last line', () => {
  const path = join(makeFolder(), 'attempt=1.log')

  it.each([
    ['ends', printed + end, 'Ended: success after 1 s', ''],
    ['is empty', '', null, ''],
    ['was cut off', printed, null, ''],
    ['was cut off in a line', printed + end.slice(0, 20), null, '\n'],
    ['prints what an end looks like', `${JSON.stringify({ logger: 'task', event: 'Ended: x' })}\n`, null, ''],
    ['went on after an end', end + printed, null, ''],
    ['has characters of several bytes', `${'😀'.repeat(50_000)}\n${end}`, 'Ended: success after 1 s', ''],
  ])('when it %s', async (_, text, event, before) => {
    writeFileSync(path, text)
    expect(await readEnd(path)).toEqual({ event, before })
  })

  it('when it is not there', async () => {
    expect(await readEnd(`${path}.none`)).toEqual({ event: null, before: '' })
  })

  it('of 1 GB no more than the end is read', async () => {
    writeFileSync(path, '')
    truncateSync(path, 2 ** 30)
    writeFileSync(path, `\n${end}`, { flag: 'a' })
    const before = process.memoryUsage.rss()
    expect((await readEnd(path)).event).toBe('Ended: success after 1 s')
    expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000)
  })
})

describe('a log folder', () => {
  it('has one name for all who see it, also when many look at once and by whatever path', async () => {
    const folder = join(makeFolder(), 'logs')
    const ids = await Promise.all(Array.from({ length: 20 }, () => logFolderId(folder)))
    symlinkSync(folder, `${folder}-too`)
    expect(new Set([...ids, await logFolderId(`${folder}-too`)]).size).toBe(1)
    expect(await logFolderId(makeFolder())).not.toBe(ids[0])
  })

  it('that cannot be made has none, and says so', async () => {
    await expect(logFolderId('/dev/null/logs')).rejects.toThrow(/ENOTDIR/)
    const ender = new LogEnder({ ...{ database: noDatabase, folder: '/dev/null/logs', log: quietLog } })
    expect(await ender.start()).toBeNull()
    await ender.stop()
  })
})

const noDatabase = {} as TestEngine['database']
const keyOf = (runId: string, tryNumber = 1) => ({ dagId: 'd', runId, taskId: 'x', mapIndex: -1, tryNumber })

const start = useEngines()

/** Runs of one task each, begun by a worker with this log folder that then died. */
async function loseRuns(folder: string, count: number) {
  const engine = await start()
  await engine.addDag(makeDag([makeTask('x', { retries: 1 })], [], { dagId: 'd', maxActiveRuns: 100 }))
  const runIds = Array.from({ length: count }, (_, n) => `r${n}`)
  for (const runId of runIds) await engine.trigger('d', { runId })
  const scheduler = engine.makeScheduler()
  await scheduler.pass()
  const worker = await engine.makeWorker({ slots: count })
  await engine.query(`update job set info = jsonb_build_object('logFolder', $2::text) where id = $1`, [
    worker.jobId,
    await logFolderId(folder),
  ])
  await worker.claim()
  const lose = async () => {
    await worker.die()
    return await rescue(engine.database, scheduler.transactions, await databaseNow(engine.database))
  }
  const left = async () => (await engine.query<{ n: number }>('select count(*)::int as n from log_ending'))[0]?.n
  const look = async () => endLogs(engine.database, folder, await logFolderId(folder), quietLog)
  return { engine, worker, runIds, lose, left, look }
}

const eventsOf = (folder: string, runId: string): unknown[] =>
  readFileSync(attemptLogPath(folder, keyOf(runId)), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { event?: unknown }).event)

describe('the log of a lost attempt', () => {
  const LOST = 'Ended: lost, the worker died; the task will be tried again'

  it('gets its last line once, however many processes see its folder', async () => {
    const folder = makeFolder()
    const { engine, runIds, lose, left } = await loseRuns(folder, 12)
    expect(await lose()).toBe(12)
    const enders = Array.from({ length: 4 }, () => new LogEnder({ database: engine.database, folder, log: quietLog }))
    for (const ender of enders) await ender.start()
    for (const ender of enders) ender.look()
    await Promise.all(enders.map((ender) => ender.stop()))
    for (const runId of runIds) expect(eventsOf(folder, runId)).toEqual([LOST])
    expect(await left()).toBe(0)
  })

  it('is left to those who see its folder, and waits for them as long as its job is kept', async () => {
    const folder = makeFolder()
    const { engine, worker, lose, left, look } = await loseRuns(folder, 1)
    await lose()
    const other = makeFolder()
    expect(await endLogs(engine.database, other, await logFolderId(other), quietLog)).toBe(0)
    await engine.query(`update job set end_date = now() - interval '6 days' where id = $1`, [worker.jobId])
    expect(await left()).toBe(1)
    expect(await look()).toBe(1)
    await lose()
    await engine.query('delete from job where id = $1', [worker.jobId])
    expect(await left()).toBe(0)
  })

  it('goes on below an older end, and has no second line when its writer died before it could tell', async () => {
    const folder = makeFolder()
    const { engine, lose, look } = await loseRuns(folder, 1)
    mkdirSync(dirname(attemptLogPath(folder, keyOf('r0'))), { recursive: true })
    writeFileSync(attemptLogPath(folder, keyOf('r0')), lineOf('Ended: deferred'))
    await lose()
    const rows = await engine.query('select * from log_ending')
    await look()
    await engine.query(
      'insert into log_ending overriding system value select * from json_populate_recordset(null::log_ending, $1)',
      [JSON.stringify(rows)],
    )
    expect(await look()).toBe(1)
    expect(eventsOf(folder, 'r0')).toEqual(['Ended: deferred', LOST])
  })

  it('that cannot be written is tried again after a minute; others are written', async () => {
    const folder = makeFolder()
    const { engine, lose, left, look } = await loseRuns(folder, 2)
    const blocked = dirname(attemptLogPath(folder, keyOf('r0')))
    mkdirSync(dirname(blocked), { recursive: true })
    writeFileSync(blocked, 'a file where a folder should be')
    await lose()
    expect(await look()).toBe(2)
    expect(eventsOf(folder, 'r1')).toEqual([LOST])
    expect([await left(), await look()]).toEqual([1, 0])
    rmSync(blocked)
    await engine.query("update log_ending set tried_at = tried_at - interval '2 minutes'")
    expect(await look()).toBe(1)
    expect(eventsOf(folder, 'r0')).toEqual([LOST])
  })

  it('whose outcome was stored ends with it, unless it ends already', async () => {
    const folder = makeFolder()
    const { engine, worker, runIds, lose, look } = await loseRuns(folder, 2)
    await worker.end([...worker.running])
    mkdirSync(dirname(attemptLogPath(folder, keyOf('r1'))), { recursive: true })
    writeFileSync(attemptLogPath(folder, keyOf('r1')), end)
    expect(await lose()).toBe(0)
    const [first, second] = [new LastReports(), new LastReports()]
    for (const reports of [first, first, second]) await reports.note(engine.database)
    await look()
    expect(runIds.map((runId) => eventsOf(folder, runId))).toEqual([
      ['Ended: success; the worker died before it had written the rest of this log'],
      ['Ended: success after 1 s'],
    ])
  })
})
