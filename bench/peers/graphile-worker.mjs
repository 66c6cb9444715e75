// graphile-worker on the shared Postgres: as it comes, and with the fast preset of its documents. Runs in library-host.mjs.

import { EventEmitter } from 'node:events'
import { median } from '../numbers.mjs'
import { hopsOf } from '../runs.mjs'

const NO_JOIN = 'cannot be expressed: jobs have no dependencies on one another, so there is no join'

/** @param isFast jobs are fetched and acknowledged in batches: a crash runs them again */
export async function open({ load, versions, url, concurrency, sizes, isFast }) {
  const { Logger, makeWorkerUtils, run: start } = load('graphile-worker')
  let started = []
  let completed = () => {}
  const events = new EventEmitter()
  const logger = new Logger(() => () => {})
  events.on('job:complete', () => completed())
  const fast = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
  const runner = await start({
    preset: {
      worker: {
        connectionString: url,
        concurrentJobs: concurrency,
        maxPoolSize: concurrency + 1,
        ...(isFast ? fast : {}),
      },
    },
    noHandleSignals: true,
    events,
    logger,
    taskList: {
      noop: async () => void started.push(performance.now()),
      link: async ({ left }, { addJob }) => {
        started.push(performance.now())
        if (left > 1) await addJob('link', { left: left - 1 })
      },
    },
  })
  const utils = await makeWorkerUtils({ connectionString: url, logger })
  const { Pool } = load('pg')
  const pool = new Pool({ connectionString: url, max: 1 })
  const isEmpty = async () =>
    (await pool.query('select count(*)::int as n from graphile_worker._private_jobs')).rows[0].n === 0

  /** Adds by `add` and waits until `count` jobs are complete, also in the database; ms. */
  async function run(count, add) {
    started = []
    let left = count
    const through = new Promise((resolve) => {
      completed = () => {
        left -= 1
        if (left === 0) resolve()
      }
    })
    const began = performance.now()
    await add()
    await through
    // Batched completion tells of a job before its row is gone, and of that nobody is told.
    while (!(await isEmpty())) await new Promise((resolve) => setTimeout(resolve, 1))
    return { began, ms: performance.now() - began }
  }
  const preset = isFast ? ', localQueue 500 and batched completion' : ''
  return {
    about: `${versions['graphile-worker']}, concurrentJobs ${concurrency}${preset}, one process; deletes finished jobs, keeps no history`,
    cannot: { fan: NO_JOIN, smallFan: NO_JOIN },
    notes: {
      hop: `made by hand: a job enqueues the next, ${sizes.chain} times`,
      sustained: `${sizes.sustained} jobs by addJobs`,
    },
    measures: {
      async hop() {
        await run(sizes.chain, () => utils.addJob('link', { left: sizes.chain }))
        return median(hopsOf(started))
      },
      async sustained() {
        const jobs = Array.from({ length: sizes.sustained }, () => ({ identifier: 'noop', payload: {} }))
        return sizes.sustained / ((await run(sizes.sustained, () => utils.addJobs(jobs))).ms / 1000)
      },
      async trigger() {
        const { began } = await run(1, () => utils.addJob('noop', {}))
        return started[0] - began
      },
    },
    async close() {
      await runner.stop()
      await utils.release()
      await pool.end()
    },
  }
}
