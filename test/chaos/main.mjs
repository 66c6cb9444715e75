// `npm run chaos -- --cycles 20`: a real standalone, a run of 200 tasks with retries, and kill -9 of one process after
// the other while it goes on. Afterwards the ledger, the tables and what the tasks themselves wrote down must agree.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'

const { values: flags } = parseArgs({
  options: {
    cycles: { type: 'string', default: '5' },
    tasks: { type: 'string', default: '200' },
    keep: { type: 'boolean', default: false },
  },
})
const CYCLES = Number(flags.cycles)
const TASKS = Number(flags.tasks)
const VICTIMS = ['scheduler', 'worker', 'child', 'webserver', 'postgres']
/** A run may take this long in all, ms: a hang is a failure. */
const LIMIT_MS = 120_000

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'baram-chaos-'))
const home = join(folder, 'home')
const dags = join(folder, 'dags')
const witness = join(folder, 'witness')
mkdirSync(dags)
mkdirSync(witness)

// Four layers of tasks; each beats into a file of its own, so that two attempts that overlap cannot hide it.
const width = Math.ceil(TASKS / 4)
writeFileSync(
  join(dags, 'storm.ts'),
  `import { appendFileSync } from 'node:fs'
import { Dag, getContext, getRun } from 'baram'
const dag = new Dag('storm', { isPausedUponCreation: false, maxActiveTasks: 64, defaultArgs: { retries: 20, retryDelay: 0.1 } })
const now = () => Number(process.hrtime.bigint() / 1000n)
async function work() {
  const { taskId, tryNumber, runId } = getContext()
  const say = (what) => appendFileSync(${JSON.stringify(witness)} + '/' + runId.replace(/[^a-z0-9]/gi, '_') + '.jsonl', JSON.stringify({ what, taskId, tryNumber, fence: getRun().fence, pid: process.pid, at: now() }) + '\\n')
  say('start')
  console.log('hello from try', tryNumber)
  const until = now() + 60_000 + (taskId.charCodeAt(taskId.length - 1) % 7) * 20_000
  while (now() < until) {
    await new Promise((done) => setTimeout(done, 5))
    say('beat')
  }
  say('end')
  return taskId
}
let above = []
for (let layer = 0; layer < 4; layer++) {
  const here = []
  for (let i = 0; i < ${width}; i++) here.push(dag.task('l' + layer + '_' + i, work)())
  for (const [i, ref] of here.entries()) if (above.length > 0) ref.after(above[i], above[(i + 1) % above.length])
  above = here
}
export default dag
`,
)

const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const children = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
const isAlive = (pid) => existsSync(`/proc/${pid}`)

let launcher = null
function start() {
  launcher = spawn(process.execPath, [program, 'standalone', '--port', '0', '--no-examples'], {
    env: {
      ...process.env,
      BARAM_HOME: home,
      BARAM__CORE__DAGS_FOLDER: dags,
      BARAM__WORKERS__CONCURRENCY: '16',
      BARAM__LOGGING__LOGGING_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    let text = ''
    launcher.stdout.on('data', (chunk) => {
      text += chunk
      if (text.includes('Ctrl-C')) resolve()
    })
    launcher.on('exit', (code) => reject(new Error(`standalone ended with ${code}`)))
  })
}

const url = () => readFileSync(join(home, 'keys', 'database.url'), 'utf8').trim()
async function query(text, values) {
  const deadline = performance.now() + 30_000
  for (;;) {
    const client = new pg.Client({
      connectionString: url(),
      options: '-c search_path=baram',
      connectionTimeoutMillis: 2_000,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query(text, values)).rows
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(50)
    } finally {
      await client.end().catch(() => {})
    }
  }
}

const jobPid = async (type) =>
  (await query("select pid from job where job_type = $1 and state = 'running' order by id desc limit 1", [type]))[0]
    ?.pid
const postmaster = () => Number(readFileSync(join(dataDir(), 'postmaster.pid'), 'utf8').split('\n')[0])
let dataDirCache = null
function dataDir() {
  if (dataDirCache === null) {
    const socket = decodeURIComponent(/host=([^&]+)/.exec(url())[1])
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        if (args[0].endsWith('/postgres') && args.some((arg) => arg.includes(socket)))
          dataDirCache = args[args.indexOf('-D') + 1]
      } catch {}
    }
  }
  return dataDirCache
}

async function victimPid(victim) {
  switch (victim) {
    case 'scheduler':
      return jobPid('SchedulerJob')
    case 'worker':
      return jobPid('WorkerJob')
    case 'webserver':
      return jobPid('WebserverJob')
    case 'postgres':
      return postmaster()
    case 'child': {
      const list = children(await jobPid('WorkerJob'))
      return list[Math.floor(Math.random() * list.length)]
    }
  }
}

/** Until the process has a successor and tasks finish again, ms. */
async function recovery(victim, pid) {
  const began = performance.now()
  const before = (await query("select count(*)::int as n from ti_event where to_state = 'success'"))[0].n
  for (;;) {
    const [row] = await query("select count(*)::int as n from ti_event where to_state = 'success'")
    const next = victim === 'child' ? 1 : await victimPid(victim).catch(() => undefined)
    const [open] = await query("select count(*)::int as n from dag_run where state = 'running'")
    if (next !== undefined && next !== pid && (row.n > before || open.n === 0)) return performance.now() - began
    if (performance.now() - began > 60_000) throw new Error(`no recovery 60 s after kill -9 of ${victim}`)
    await sleep(20)
  }
}

const problems = []
const check = (condition, what) => {
  if (!condition) problems.push(what)
}

/** Logs are written behind the reports, by a thread of their own: their end may come a moment after the run's. */
const LOG_LIMIT_MS = 5_000
async function endOfLog(path) {
  const deadline = performance.now() + LOG_LIMIT_MS
  for (;;) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    if (text.includes('Ended:') || performance.now() > deadline) return text
    await sleep(20)
  }
}

async function verify(runId) {
  const [run] = await query('select id, state from dag_run where run_id = $1', [runId])
  check(run.state === 'success', `run ${runId} ended ${run.state}`)
  const tis = await query('select task_id, state, try_number from task_instance where dag_run_id = $1', [run.id])
  check(tis.length === width * 4 && tis.every((ti) => ti.state === 'success'), `not every task of ${runId} succeeded`)
  const lines = readFileSync(join(witness, `${runId.replace(/[^a-z0-9]/gi, '_')}.jsonl`), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const attempts = new Map()
  for (const line of lines) {
    const key = `${line.taskId}#${line.fence}`
    const seen = attempts.get(key) ?? {
      taskId: line.taskId,
      tryNumber: line.tryNumber,
      from: line.at,
      to: line.at,
      pid: line.pid,
      starts: 0,
    }
    seen.to = Math.max(seen.to, line.at)
    if (line.what === 'start') seen.starts++
    attempts.set(key, seen)
  }
  const byTask = Map.groupBy
    ? Map.groupBy(attempts.values(), (a) => a.taskId)
    : [...attempts.values()].reduce((m, a) => m.set(a.taskId, [...(m.get(a.taskId) ?? []), a]), new Map())
  let overlaps = 0
  for (const list of byTask.values()) {
    list.sort((a, b) => a.from - b.from)
    for (let i = 1; i < list.length; i++) if (list[i].from <= list[i - 1].to) overlaps++
  }
  check(overlaps === 0, `${overlaps} attempts overlapped in ${runId}`)
  check(
    [...attempts.values()].every((a) => a.starts === 1),
    `an attempt of ${runId} began twice`,
  )
  const events = await query(
    'select t.task_id, e.try_number, e.to_state from ti_event e join task_instance t on t.id = e.ti_id and t.dag_run_id = e.dag_run_id where e.dag_run_id = $1 order by e.rev, e.step',
    [run.id],
  )
  for (const { task_id: taskId, try_number: last } of tis) {
    const own = events.filter((event) => event.task_id === taskId)
    for (let n = 1; n <= last; n++) {
      check(
        own.filter((event) => event.try_number === n && event.to_state === 'running').length === 1,
        `try ${n} of ${taskId} did not start exactly once`,
      )
      const ends = own.filter(
        (event) => event.try_number === n && ['success', 'failed', 'up_for_retry'].includes(event.to_state),
      )
      check(ends.length === 1, `try ${n} of ${taskId} has ${ends.length} ends`)
      const text = await endOfLog(
        join(home, 'logs', 'dag_id=storm', `run_id=${runId}`, `task_id=${taskId}`, `attempt=${n}.log`),
      )
      check(text.includes('Ended:'), `the log of try ${n} of ${taskId} ${text === '' ? 'is missing' : 'has no end'}`)
    }
  }
  const [live] = await query('select count(*)::int as n from live')
  check(live.n === 0, `${live.n} rows are left in live`)
  return { attempts: attempts.size, tries: tis.reduce((sum, ti) => sum + ti.try_number, 0) }
}

async function trigger() {
  const name = `manual__chaos_${Date.now()}`
  await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, 'dags', 'trigger', 'storm', '--run-id', name, '-o', 'json'], {
      env: { ...process.env, BARAM_HOME: home, BARAM__CORE__DAGS_FOLDER: dags },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`dags trigger ended with ${code}`))))
  })
  return name
}

let passed = 0
try {
  await start()
  for (let i = 0; (await query("select 1 from dag where dag_id = 'storm'")).length === 0; i++) {
    if (i > 200) throw new Error('the DAG did not appear')
    await sleep(50)
  }
  const times = new Map(VICTIMS.map((victim) => [victim, []]))
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const victim = VICTIMS[cycle % VICTIMS.length]
    const before = problems.length
    const runId = await trigger()
    await sleep(300 + Math.random() * 700)
    const pid = await victimPid(victim)
    if (pid === undefined) {
      check(false, `there is no ${victim} to kill`)
      continue
    }
    process.kill(pid, 'SIGKILL')
    const ms = await recovery(victim, pid)
    times.get(victim).push(ms)
    const deadline = performance.now() + LIMIT_MS
    while (
      (await query("select 1 from dag_run where run_id = $1 and state in ('queued', 'running')", [runId])).length > 0
    ) {
      if (performance.now() > deadline)
        throw new Error(`run ${runId} did not end within ${LIMIT_MS} ms after kill -9 of ${victim}`)
      await sleep(100)
    }
    const { attempts, tries } = await verify(runId)
    if (problems.length === before) passed++
    console.log(
      `cycle ${cycle + 1}: kill -9 ${victim.padEnd(10)} recovered in ${String(Math.round(ms)).padStart(5)} ms, ${tries} tries, ${attempts} attempts${problems.length === before ? '' : `, ${problems.length - before} PROBLEMS`}`,
    )
  }
  console.log('\nrecovery, ms (median, worst)')
  for (const [victim, list] of times) {
    const s = [...list].sort((a, b) => a - b)
    if (s.length > 0)
      console.log(`  ${victim.padEnd(10)} ${Math.round(s[Math.floor(s.length / 2)])}  ${Math.round(s.at(-1))}`)
  }
} finally {
  if (launcher !== null && launcher.exitCode === null) {
    const pids = [launcher.pid, ...children(launcher.pid)]
    const began = performance.now()
    launcher.removeAllListeners('exit')
    const gone = new Promise((resolve) => launcher.once('exit', resolve))
    launcher.kill('SIGINT')
    await gone
    const ms = performance.now() - began
    console.log(`stopped in ${Math.round(ms)} ms`)
    check(ms < 5_000, `Ctrl-C took ${Math.round(ms)} ms`)
    await sleep(200)
    for (const pid of pids) check(!isAlive(pid), `process ${pid} is left`)
  }
  if (flags.keep || problems.length > 0) console.log(`kept ${folder}`)
  else rmSync(folder, { recursive: true, force: true })
}
for (const problem of problems.slice(0, 40)) console.log(`PROBLEM ${problem}`)
console.log(`${passed} passed, ${CYCLES - passed} failed`)
process.exit(problems.length === 0 ? 0 : 1)
