// `npm run bench -- --profile [folder]`: where the time of a task goes. CPU of every process from /proc, statements from
// pg_stat_statements, commits and WAL from Postgres' own counters, and a CPU profile of scheduler, worker and one child.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { childrenOf } from './memory.mjs'
import { say } from './record.mjs'

/** Of /proc/<pid>/stat, ms. */
const TICK_MS = 10

/** User and system time, with that of children that were waited for, ms. */
export function cpuOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS
  } catch {
    return 0
  }
}

const sumOf = (pids) => pids.reduce((sum, pid) => sum + cpuOf(pid), 0)

async function pidsOf(d) {
  const jobs = await d.query(
    "select distinct job_type, pid from job where state = 'running' and job_type in ('SchedulerJob', 'WorkerJob', 'WebserverJob')",
  )
  return new Map(jobs.map((job) => [job.job_type, job.pid]))
}

async function look(d) {
  const pids = await pidsOf(d)
  const worker = pids.get('WorkerJob')
  const scheduler = pids.get('SchedulerJob')
  const [counters] = await d.query(
    `select (select xact_commit from pg_stat_database where datname = current_database())::int as commits,
       pg_current_wal_lsn() - '0/0'::pg_lsn as wal`,
  )
  return {
    scheduler: sumOf([scheduler, ...childrenOf(scheduler)]),
    worker: cpuOf(worker),
    children: sumOf(childrenOf(worker)),
    web: cpuOf(pids.get('WebserverJob')),
    postgres: sumOf([d.server.pid, ...childrenOf(d.server.pid)]),
    commits: counters.commits,
    wal: Number(counters.wal),
  }
}

const fixed = (value, digits = 0) => value.toFixed(digits)

function tell(what, before, after, tasks) {
  const each = Object.fromEntries(Object.keys(after).map((key) => [key, (after[key] - before[key]) / tasks]))
  const { scheduler, worker, children, web, postgres, commits, wal } = each
  const us = (ms) => fixed(ms * 1000)
  say(
    `${what}: ${us(scheduler + worker + children + web + postgres)} µs of CPU a task = scheduler ${us(scheduler)} + worker ${us(worker)} + children ` +
      `${us(children)} + web ${us(web)} + Postgres ${us(postgres)}; ${fixed(commits * 1000)} commits per 1,000, ${fixed(wal)} bytes of WAL a task`,
  )
}

async function tellStatements(d, tasks) {
  const rows = await d.query(
    `select left(regexp_replace(query, '\\s+', ' ', 'g'), 90) as query, calls::int, mean_exec_time * 1000 as us, total_exec_time * 1000 as total
     from pg_stat_statements where query not like '%pg_stat%' order by total_exec_time desc limit 14`,
  )
  for (const { query, calls, us, total } of rows)
    say(
      `  ${fixed(total / tasks).padStart(5)} µs a task  ${fixed(calls / tasks, 2).padStart(5)} × ${fixed(us).padStart(5)} µs  ${query}`,
    )
}

/** Runs `body`, which runs `tasks` tasks, and tells what each cost. */
export async function profile(d, what, tasks, body) {
  await d.query('select pg_stat_statements_reset()')
  const before = await look(d)
  await body()
  const after = await look(d)
  tell(what, before, after, tasks)
  await tellStatements(d, tasks)
}

/** Functions by their own time. @param path of a .cpuprofile */
function topOf(path, most = 22) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8'))
  const self = new Map()
  for (const [i, id] of samples.entries()) self.set(id, (self.get(id) ?? 0) + timeDeltas[i])
  const byFunction = new Map()
  for (const { id, callFrame } of nodes) {
    const file = callFrame.url.replace(/^.*\/(dist|node_modules)\//, '')
    const name = `${callFrame.functionName || '(anonymous)'} ${file}:${callFrame.lineNumber + 1}`
    byFunction.set(name, (byFunction.get(name) ?? 0) + (self.get(id) ?? 0))
  }
  byFunction.delete('(idle) :0')
  const total = [...byFunction.values()].reduce((sum, us) => sum + us, 0)
  const top = [...byFunction].sort((a, b) => b[1] - a[1]).slice(0, most)
  return top.map(([name, us]) => `  ${fixed((100 * us) / total, 1).padStart(5)} %  ${name}`)
}

/** Once the processes have ended and written theirs. */
export function tellProfiles(folder) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'))) {
    const text = readFileSync(join(folder, name), 'utf8')
    const who = ['worker/worker.js', 'scheduler/scheduler.js', 'child/attempt.js'].find((file) => text.includes(file))
    if (who === undefined) continue
    console.log(`\n${who.split('/')[0]} (${name}), by own time:`)
    console.log(topOf(join(folder, name)).join('\n'))
  }
}
