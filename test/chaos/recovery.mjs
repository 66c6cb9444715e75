// How long a standalone takes to go on after kill -9 of its scheduler and of its worker.
//
// scheduler: from the kill until the first line of a task whose run was asked for over REST right after the kill (the web
// server lives on and takes the request; nobody but a scheduler starts a manual run).
// worker: from the kill until the first line of the next try of a task that was running in it (retryDelay 0).
// The launcher restarts what has lived for 30 s at once and makes others wait longer and longer, so each victim is given 31 s.

import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeQuery, median, monotonic, readLines, signal, sleep, waitFor } from './tools.mjs'

/** A process that lived this long is started again without a pause (cli/supervise.ts). */
const HEALTHY_S = 31
const LIMIT_MS = 60_000
/** docs/reliability.md#recovery: targets at the median, ms. */
const TARGETS = { scheduler: 2_000, worker: 3_000 }

const dagText = (witness) => `import { appendFileSync } from 'node:fs'
import { Dag, getContext } from 'baram'
const say = () => {
  const { taskId, tryNumber, runId } = getContext()
  appendFileSync(${JSON.stringify(witness)}, JSON.stringify({ taskId, tryNumber, runId, at: Number(process.hrtime.bigint() / 1000n) }) + '\\n')
}
const quick = new Dag('quick', { isPausedUponCreation: false, defaultArgs: { retries: 9, retryDelay: 0 } })
quick.task('only', async () => say())()
const long = new Dag('long', { isPausedUponCreation: false, defaultArgs: { retries: 9999, retryDelay: 0 } })
long.task('only', async () => {
  say()
  await new Promise((done) => setTimeout(done, 3_600_000))
})()
export { long, quick }
`

async function launch(program, home, dags) {
  const launcher = spawn(process.execPath, [program, 'standalone', '--port', '0', '--no-examples'], {
    env: {
      ...process.env,
      BARAM_HOME: home,
      BARAM__CORE__DAGS_FOLDER: dags,
      // The request must not wait for a sign-in: what is measured is the scheduler.
      BARAM__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: 'True',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise((resolve, reject) => {
    let text = ''
    launcher.stdout.on('data', (chunk) => {
      text += chunk
      const found = /(http:\/\/[^/\s]+)\/sign-in/.exec(text)
      if (found !== null && text.includes('Ctrl-C')) resolve(found[1])
    })
    launcher.on('exit', (code) => reject(new Error(`standalone ended with ${code}`)))
  })
  return { launcher, url }
}

/** @returns whether both medians are within their targets */
export async function measureRecovery(program, times) {
  const folder = mkdtempSync(join(tmpdir(), 'baram-recovery-'))
  chmodSync(folder, 0o755) // Postgres' own user passes through it.
  const [home, dags, witness] = [join(folder, 'home'), join(folder, 'dags'), join(folder, 'witness.jsonl')]
  mkdirSync(dags)
  writeFileSync(join(dags, 'recovery.ts'), dagText(witness))
  const { launcher, url } = await launch(program, home, dags)
  const query = makeQuery(() => readFileSync(join(home, 'keys', 'database.url'), 'utf8').trim())
  const found = { scheduler: [], worker: [] }

  const trigger = async (dagId) => {
    const answer = await fetch(`${url}/api/v2/dags/${dagId}/dagRuns`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ logical_date: null }),
    })
    if (!answer.ok) throw new Error(`the trigger was answered with ${answer.status}: ${await answer.text()}`)
    return (await answer.json()).dag_run_id
  }
  /** The victim's pid, once it has lived long enough to count as healthy. */
  const healthy = (type) =>
    waitFor(
      `a healthy ${type}`,
      90_000,
      async () => {
        const rows = await query(
          `select pid from job where job_type = $1 and state = 'running' and start_date < clock_timestamp() - make_interval(secs => $2)
         order by id desc limit 1`,
          [type, HEALTHY_S],
        )
        return rows[0]?.pid
      },
      250,
    )
  const firstLine = (test) => waitFor('the next start', LIMIT_MS, () => readLines(witness).find(test), 5)

  try {
    await waitFor('both DAGs', 30_000, async () => (await query('select 1 from dag')).length === 2)
    const longRun = await trigger('long')
    await firstLine((line) => line.runId === longRun)
    for (let i = 0; i < times; i++) {
      const scheduler = await healthy('SchedulerJob')
      let killedAt = monotonic()
      signal(scheduler, 'SIGKILL')
      const runId = await trigger('quick')
      found.scheduler.push(((await firstLine((line) => line.runId === runId)).at - killedAt) / 1000)

      const worker = await healthy('WorkerJob')
      const last = readLines(witness)
        .filter((line) => line.runId === longRun)
        .at(-1).tryNumber
      killedAt = monotonic()
      signal(worker, 'SIGKILL')
      const next = await firstLine((line) => line.runId === longRun && line.tryNumber > last)
      found.worker.push((next.at - killedAt) / 1000)
      console.log(
        `${i + 1}: scheduler ${Math.round(found.scheduler.at(-1))} ms, worker ${Math.round(found.worker.at(-1))} ms`,
      )
      await sleep(100)
    }
  } finally {
    launcher.removeAllListeners('exit')
    const gone = new Promise((resolve) => launcher.once('exit', resolve))
    launcher.kill('SIGINT')
    await gone
    rmSync(folder, { recursive: true, force: true })
  }
  let isWithin = true
  console.log(`\nrecovery after kill -9, ${times} times each, ms:  min  median  max  (target of the median)`)
  for (const [victim, list] of Object.entries(found)) {
    isWithin &&= median(list) <= TARGETS[victim]
    const figures = [Math.min(...list), median(list), Math.max(...list)].map((ms) => Math.round(ms))
    console.log(`  ${victim.padEnd(10)} ${figures.join('  ')}  (≤ ${TARGETS[victim]})`)
  }
  return isWithin
}
