// Files written for Airflow's TypeScript SDK, run by the real scheduler, triggerer, worker and children: the points of
// the compatibility checklist that need the running system. Numbers are the checklist's; [B] and [C] mark facts that were
// not read in the SDK's own code.

import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attemptLogPath } from '../../runtime/attempt-log.ts'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'
import { FILES, PARTS, RUNS } from './ts-sdk-files.ts'

const DAGS = ['served', 'exported', 'first', 'good', 'fine', 'syntax', 'mapped']

describe('files for Airflow’s TypeScript SDK', () => {
  let baram: TestBaram
  let worker: ChildProcess
  beforeAll(async () => {
    // Point 40 is about a handler that does return: a loaded machine must not cut it short.
    baram = await startBaram({ BARAM__CORE__KILLED_TASK_CLEANUP_TIME: '20' })
    await baram.dagctl('connections', 'add', 'shop', '--conn-type', 'http', '--conn-extra', '{"a": 1}')
    mkdirSync(join(baram.dags, 'parts'))
    for (const [name, text] of Object.entries(PARTS)) baram.writeDag(join('parts', name), text)
    for (const [name, text] of Object.entries(FILES)) baram.writeDag(name, text)
    baram.writeDag('runs.ts', RUNS)
    await baram.start('scheduler')
    worker = await baram.start('worker')
    await eventually('the DAGs', async () => {
      const found = new Set((await baram.query<{ dag_id: string }>('select dag_id from dag')).map((row) => row.dag_id))
      return DAGS.every((dagId) => found.has(dagId)) && found.has('whole')
    })
  })
  afterAll(() => baram.stop())

  const isThere = async (dagId: string) =>
    (await baram.query('select 1 from dag where dag_id = $1 and not is_stale', [dagId])).length
  const faultOf = (file: string) =>
    eventually(`an import error of ${file}`, async () => {
      const rows = await baram.query<{ stacktrace: string }>(
        'select stacktrace from import_error where filename = $1',
        [file],
      )
      return rows[0]?.stacktrace
    })
  const xcom = async (runId: string, taskId: string, key = 'return_value', mapIndex = -1) =>
    (
      await baram.query<{ value: unknown }>(
        'select value from xcom where run_id = $1 and task_id = $2 and key = $3 and map_index = $4',
        [runId, taskId, key, mapIndex],
      )
    )[0]?.value
  const states = async (runId: string, dagId: string) =>
    Object.fromEntries(
      (
        await baram.query<{ task_id: string; state: string }>(
          'select task_id, state from task_instance where run_id = $1 and dag_id = $2',
          [runId, dagId],
        )
      ).map((row) => [row.task_id, row.state]),
    )
  const tries = async (runId: string, taskId: string) =>
    (
      await baram.query<{ try_number: number }>(
        'select try_number from task_instance where run_id = $1 and task_id = $2',
        [runId, taskId],
      )
    )[0]?.try_number
  const logOf = async (dagId: string, runId: string, taskId: string, tryNumber = 1) => {
    const path = attemptLogPath(join(baram.home, 'logs'), { dagId, runId, taskId, mapIndex: -1, tryNumber })
    const text = await eventually('the end of the log', () =>
      existsSync(path) && readFileSync(path, 'utf8').includes('"Ended:') ? readFileSync(path, 'utf8') : null,
    )
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; event: string })
  }
  /** The one run that a task has triggered. */
  const made = async (dagId: string, runId: string) =>
    (
      await baram.query<Record<string, unknown>>(
        'select run_id, logical_date, run_after, conf, state from dag_run where dag_id = $1 and run_id = $2',
        [dagId, runId],
      )
    )[0]

  it('2. a file with `await new Bundle(dag).serve()` loads without arguments, and its DAG appears', async () => {
    expect(await isThere('served')).toBe(1)
  })

  it('3. a DAG that is not registered does not appear in a file that serves a bundle', async () => {
    expect(await isThere('forgotten')).toBe(0)
  })

  it('4. an exported DAG without a bundle is loaded too; one both exported and served appears once', async () => {
    expect(await isThere('exported')).toBe(1)
    const errors = await baram.query('select 1 from import_error where filename in ($1, $2)', [
      'served.ts',
      'exported.ts',
    ])
    expect(errors).toEqual([])
  })

  it('5. a second serve() in one file rejects with "already called"; the DAGs of the first stay', async () => {
    const { runId } = await runToEnd(baram, 'first')
    expect(await xcom(runId, 'said')).toMatch(/already called/)
    expect(await isThere('second')).toBe(0)
  })

  it('6. one broken DAG of a bundle gives one import error that names it; the others load', async () => {
    expect(await faultOf('mixed.ts')).toMatch(/Dag "bad", task "forgot_to_call"/)
    expect([await isThere('good'), await isThere('bad'), await isThere('fine')]).toEqual([1, 0, 1])
  })

  it('9. a task is named by its function, also after the file was compiled', async () => {
    const { runId } = await runToEnd(baram, 'syntax')
    expect(Object.keys(await states(runId, 'syntax'))).toEqual(['extract'])
  })

  it('25. retryDelay and executionTimeout are seconds', async () => {
    const [run] = await baram.dagctlJson('dags', 'trigger', 'delays')
    const runId = String(run?.['run_id'])
    const wait = await eventually('the retry to wait', async () => {
      const [row] = await baram.query<{ seconds: number }>(
        `select extract(epoch from l.ready_at - i.end_date)::float as seconds from task_instance i join task_queue l on l.ti_id = i.id
         where i.run_id = $1 and i.dag_id = 'delays' and i.state = 'up_for_retry'`,
        [runId],
      )
      return row?.seconds
    })
    expect(wait).toBeGreaterThan(29)
    expect(wait).toBeLessThan(31)
    const slow = await runToEnd(baram, 'limit')
    expect(slow.state).toBe('failed')
  })

  it('28. of a cron schedule, data interval start = end = logical date', async () => {
    const run = await eventually('a scheduled run', async () => {
      const [row] = await baram.query<Record<string, Date>>(
        "select logical_date, data_interval_start, data_interval_end from dag_run where dag_id = 'daily'",
      )
      return row
    })
    expect(run['data_interval_start']).toEqual(run['logical_date'])
    expect(run['data_interval_end']).toEqual(run['logical_date'])
    expect(run['logical_date']?.toISOString()).toMatch(/T00:00:00\.000Z$/)
  })

  it('30. a task of a queue that nobody configured runs', async () => {
    expect((await runToEnd(baram, 'queues')).state).toBe('success')
  })

  it('31. undefined leaves no return_value, null is stored; who needs a value that is not there fails before its handler', async () => {
    const { runId, state } = await runToEnd(baram, 'nothing')
    expect(state).toBe('failed')
    expect(await xcom(runId, 'null')).toBeNull()
    expect(await xcom(runId, 'undefined')).toBeUndefined()
    const text = JSON.stringify(await logOf('nothing', runId, 'needs'))
    expect(text).toMatch(/argument .*rows.* has no value: task .*undefined/)
    expect(text).not.toContain('handler ran')
  })

  it('34. getContext() has its six fields, and throws at module level', async () => {
    const { runId } = await runToEnd(baram, 'context')
    expect(await xcom(runId, 'g.six')).toEqual({
      keys: ['dagId', 'taskId', 'runId', 'tryNumber', 'mapIndex', 'signal'],
      dagId: 'context',
      taskId: 'g.six',
      runId,
      tryNumber: 1,
      mapIndex: -1,
      aborted: false,
      atModuleLevel: 'getContext() works only inside a running task, not while a DAG file is loaded',
    })
  })

  it('35. getXCom without a task id reads the task’s own', async () => {
    const { runId } = await runToEnd(baram, 'xcoms')
    expect(await xcom(runId, 'down')).toEqual(['down', 'up', null])
  })

  it('36. mapIndex null and unset differ for a mapped task', async () => {
    const { runId } = await runToEnd(baram, 'mapped')
    expect(await xcom(runId, 'each', 'return_value', 0)).toEqual([10, null])
    expect(await xcom(runId, 'each', 'return_value', 1)).toEqual([20, null])
  })

  it('37. a missing Variable or Connection is null, or an error with its key; extra is a string', async () => {
    const { runId } = await runToEnd(baram, 'lookups')
    expect(await xcom(runId, 'a')).toEqual({
      missing: [null, null],
      variable: ['VariableNotFoundError', 'no_such'],
      connection: ['ConnectionNotFoundError', 'no_such'],
      extra: 'string',
    })
  })

  it('38. setVariable without a description clears it; deleting a missing one resolves', async () => {
    expect((await runToEnd(baram, 'writes')).state).toBe('success')
    expect(await baram.query("select description from variable where key = 'written'")).toEqual([{ description: null }])
  })

  it('39. a throw is tried again while tries remain; 500 characters of its message are the reason', async () => {
    const { runId, state } = await runToEnd(baram, 'throws')
    expect([state, await tries(runId, 'a')]).toEqual(['failed', 2])
    const [reasons] = await baram.query<{ text: string }>(
      "select string_agg(because::text, ' ') as text from ti_event where because::text like '%xxxx%'",
    )
    expect(reasons?.text).toContain('x'.repeat(500))
    expect(reasons?.text).not.toContain('x'.repeat(501))
  })

  it('40. an attempt that is to end sees its signal abort with the reason, and is force-ended when it goes on', async () => {
    const { runId, state } = await runToEnd(baram, 'limit')
    expect(state).toBe('failed')
    expect(JSON.stringify(await logOf('limit', runId, 'slow'))).toMatch(/aborted true Task aborted by/)
  })

  it('41. console.log is INFO and console.error ERROR, each in its own task’s log', async () => {
    const { runId } = await runToEnd(baram, 'prints')
    for (const [id, other] of [
      ['one', 'two'],
      ['two', 'one'],
    ] as const) {
      const lines = await logOf('prints', runId, id)
      const said = (word: string) =>
        lines.filter((line) => line.event.includes(`${id} ${word}`)).map((line) => line.level)
      expect(said('says')).toEqual(['info', 'info', 'info'])
      expect(said('shouts')).toEqual(['error', 'error', 'error'])
      expect(JSON.stringify(lines)).not.toContain(`${other} says`)
    }
  })

  it('42. dag.if skips exactly the named task of the other side, and records it; a value that is no boolean fails', async () => {
    const expected = [
      ['if_true', { yes: 'success', no: 'skipped' }, { skipped: ['no'] }, true],
      ['if_false', { yes: 'skipped', no: 'success' }, { skipped: ['yes'] }, false],
      ['if_one_sided', { yes: 'success', no: 'success' }, undefined, true],
    ] as const
    for (const [dagId, ends, skips, value] of expected) {
      const { runId, state } = await runToEnd(baram, dagId)
      expect(state, dagId).toBe('success')
      expect(await states(runId, dagId), dagId).toMatchObject({ choose: 'success', ...ends })
      expect(await xcom(runId, 'choose', 'skipmixin_key'), dagId).toEqual(skips)
      expect(await xcom(runId, 'choose'), dagId).toBe(value)
    }
    const { runId } = await runToEnd(baram, 'if_text')
    expect(await states(runId, 'if_text')).toMatchObject({ choose: 'failed', yes: 'upstream_failed' })
    expect(JSON.stringify(await logOf('if_text', runId, 'choose'))).toMatch(/must return true or false/)
  })

  it('43. behind both sides a join of all_done runs, one of all_success is skipped', async () => {
    const { runId } = await runToEnd(baram, 'if_true')
    expect(await states(runId, 'if_true')).toMatchObject({ always: 'success', strict: 'skipped' })
  })

  it('45. dag.switch has the chosen id as XCom; a wrong choice fails and skips nothing', async () => {
    const good = await runToEnd(baram, 'switch_b')
    expect(await states(good.runId, 'switch_b')).toEqual({ choose: 'success', a: 'skipped', b: 'success' })
    expect(await xcom(good.runId, 'choose')).toBe('b')
    const wrong = await runToEnd(baram, 'switch_wrong')
    expect(await states(wrong.runId, 'switch_wrong')).toEqual({
      choose: 'failed',
      a: 'upstream_failed',
      b: 'upstream_failed',
    })
    expect(await xcom(wrong.runId, 'choose', 'skipmixin_key')).toBeUndefined()
  })

  describe('47. triggerDagRun', () => {
    it('47. makes the run with its conf, and tells it in two XComs and no return value', async () => {
      const { runId, state } = await runToEnd(baram, 'go_plain')
      expect(state).toBe('success')
      const target = String(await xcom(runId, 'go', 'trigger_run_id'))
      const run = await made('target', target)
      expect(run?.['conf']).toEqual({ from: 'go' })
      expect(run?.['logical_date']).toBeInstanceOf(Date)
      expect(target).toMatch(/^manual__\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/)
      expect(await xcom(runId, 'go', '_link_TriggerDagRunLink')).toContain('/dags/target/runs/')
      expect(await xcom(runId, 'go')).toBeUndefined()
    })

    it('47. takes a run id, a logical date or a time to run after; without a logical date eight letters are added', async () => {
      const dated = await runToEnd(baram, 'go_dated')
      expect(await xcom(dated.runId, 'go', 'trigger_run_id')).toBe('manual__2026-01-02T03:04:05+00:00')
      const after = await runToEnd(baram, 'go_after')
      const target = String(await xcom(after.runId, 'go', 'trigger_run_id'))
      expect(target).toMatch(/^manual__2026-01-02T03:04:05\+00:00_\w{8}$/)
      expect((await made('target', target))?.['logical_date']).toBeNull()
    })

    it('47. fails without a retry when the run exists, or skips if it is told to', async () => {
      expect((await runToEnd(baram, 'go_named')).state).toBe('success')
      expect(await made('target', 'my_run')).toBeDefined()
      const exists = await runToEnd(baram, 'go_exists')
      expect([exists.state, await tries(exists.runId, 'go')]).toEqual(['failed', 1])
      const skips = await runToEnd(baram, 'go_skips')
      expect(await states(skips.runId, 'go_skips')).toEqual({ go: 'skipped' })
    })

    it('47. waits for the end, and fails, passes or is refused as its states say', async () => {
      for (const [dagId, state] of [
        ['go_waits', 'success'],
        ['go_fails', 'failed'],
        ['go_allows', 'success'],
        ['go_unpaused_only', 'failed'],
      ] as const)
        expect((await runToEnd(baram, dagId)).state, dagId).toBe(state)
    })

    it('47. gives its slot back while it waits when it is deferrable', async () => {
      const { runId, state } = await runToEnd(baram, 'go_defers')
      expect(state).toBe('success')
      const [deferred] = await baram.query<{ n: number }>(
        `select count(*)::int as n from ti_event e join task_instance i on i.id = e.ti_id
         where i.run_id = $1 and e.to_state = 'deferred'`,
        [runId],
      )
      expect(deferred?.n).toBe(1)
    })
  })

  it('52. what esbuild takes loads: enums, parameter properties, JSON, imports without ending and of .js', async () => {
    const { runId } = await runToEnd(baram, 'syntax')
    expect(await xcom(runId, 'extract')).toEqual({ colour: 'red', box: 3, double: 8, half: 2 })
  })

  it('53. a TaskHandler in a bundle loads harmlessly, and the file gets a notice', async () => {
    const log = join(baram.home, '..', 'scheduler.log')
    await eventually('the notice', () => readFileSync(log, 'utf8').includes('of DAG \\"in_python\\" stays unused'))
    expect(await baram.query("select 1 from import_error where filename = 'handlers.ts'")).toEqual([])
  })

  it('54. a DAG with a group, a fan-in, an if, a switch, an all_done join and a deferrable trigger succeeds', async () => {
    const { runId, state } = await runToEnd(baram, 'whole')
    expect(state).toBe('success')
    const ends = await states(runId, 'whole')
    const skipped = Object.keys(ends).filter((taskId) => ends[taskId] === 'skipped')
    expect(skipped.sort()).toEqual(['right', 'small'])
    expect(Object.values(ends).filter((end) => end !== 'skipped' && end !== 'success')).toEqual([])
  })

  it('40. a handler that still returns after its worker was told to stop keeps its result', async () => {
    const [run] = await baram.dagctlJson('dags', 'trigger', 'kept')
    const runId = String(run?.['run_id'])
    await eventually('the handler to begin', () => xcom(runId, 'slow', 'began'))
    worker.kill('SIGTERM')
    await eventually('its end', async () => (await states(runId, 'kept'))['slow'] !== 'running')
    expect(await states(runId, 'kept')).toEqual({ slow: 'success' })
    expect(await xcom(runId, 'slow')).toBe(true)
  })
})
