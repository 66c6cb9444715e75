// One look at everything that /metrics shows. Looks that come together, or within a second, share one: whoever asks often
// costs the database no more.

import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../runtime/logger.ts'
import { MetricSet } from '../../runtime/metrics.ts'
import { cameWithin } from '../../runtime/timer.ts'
import { isConnectionError } from '../../store/answers.ts'
import type { Database } from '../../store/database.ts'
import { listProcesses } from '../../store/postgres/metrics.ts'
import { partsOf, setProcesses } from './database-metrics.ts'
import { processMetricsText } from './process-metrics.ts'

/** An answer is as good as new for this long, ms. */
const FRESH_MS = 1_000
/** Prometheus gives up after 10 s by default: the answer that the database is silent must come before. */
const LIMIT_MS = 6_000
/** Processes of a deployment that are listed. */
const MOST_PROCESSES = 200

export interface ScrapeDeps {
  readonly database: Database
  readonly log: Logger
  /** core.parallelism; 0 = no limit. */
  readonly parallelism: number
}

/** @throws connection errors */
async function readAll({ database, log, parallelism }: ScrapeDeps): Promise<string> {
  const out = new MetricSet()
  const began = performance.now()
  const processes = await listProcesses(database, MOST_PROCESSES)
  setProcesses(out, processes)
  let failed = 0
  for (const [part, read] of Object.entries(partsOf(parallelism))) {
    try {
      await read(database, out)
    } catch (error) {
      if (isConnectionError(error)) throw error
      failed += 1
      log.warn({ part, err: messageOf(error) }, 'a part of the metrics could not be read; the others are there')
    }
  }
  out.set('baram_database_up', {}, 1)
  out.set('baram_scrape_failed_parts', {}, failed)
  out.set('baram_scrape_seconds', {}, (performance.now() - began) / 1000)
  return `${await out.registry.metrics()}\n${await processMetricsText(processes)}`
}

async function text(deps: ScrapeDeps): Promise<string> {
  const reading = readAll(deps)
  try {
    if (await cameWithin(LIMIT_MS, reading)) return await reading
    deps.log.warn({ afterMs: LIMIT_MS }, 'the database did not answer /metrics in time')
  } catch (error) {
    deps.log.warn({ err: messageOf(error) }, 'the database could not be read for /metrics')
  }
  const down = new MetricSet()
  down.set('baram_database_up', {}, 0)
  return down.registry.metrics()
}

export class Scrape {
  private readonly deps: ScrapeDeps
  private last: Promise<string> | null = null
  private doneAt = Number.POSITIVE_INFINITY

  constructor(deps: ScrapeDeps) {
    this.deps = deps
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    if (this.last !== null && performance.now() - this.doneAt < FRESH_MS) return this.last
    this.doneAt = Number.POSITIVE_INFINITY
    this.last = text(this.deps).finally(() => {
      this.doneAt = performance.now()
    })
    return this.last
  }
}
