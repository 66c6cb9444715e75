// What keeps the deployment busy, so that each fault meets tasks at work.

import { sleep, waitFor } from './tools.mjs'

/** A pass makes the next date at once, and a lost wake-up is made good within 30 s (the sweep). */
const IDLE_LIMIT_MS = 45_000

export class Load {
  constructor(deployment) {
    this.deployment = deployment
    this.triggered = []
    this.count = 0
  }

  async running(dagId) {
    const [{ n }] = await this.deployment.query(
      "select count(*)::int as n from task_queue where dag_id = $1 and stage = 'running'",
      [dagId],
    )
    return n
  }

  async trigger(dagId) {
    const runId = `manual__chaos_${++this.count}`
    await this.deployment.trigger(dagId, runId)
    this.triggered.push({ dagId, runId })
  }

  /** New runs, and the moment at which tasks of both kinds are at work: long ones first, then the storm. */
  async make() {
    const [{ n }] = await this.deployment.query(
      "select count(*)::int as n from task_instance where dag_id = 'slow' and state is distinct from 'success'",
    )
    if (n < 6) await this.trigger('slow')
    await waitFor('long tasks at work', 60_000, async () => (await this.running('slow')) >= 2)
    for (const dagId of ['pooled', 'pooled', 'pooled', 'storm', 'storm']) await this.trigger(dagId)
    await waitFor('short tasks at work', 60_000, async () => {
      return (await this.running('storm')) >= 1 || (await this.running('pooled')) >= 1
    })
  }

  async successes() {
    const [{ n }] = await this.deployment.query("select count(*)::int as n from ti_event where to_state = 'success'")
    return n
  }

  /** Time until tasks succeed again, ms: at most a minute after a fault. */
  async progress() {
    const began = performance.now()
    const before = await this.successes()
    await waitFor('a success after the fault', 60_000, async () => (await this.successes()) > before, 20)
    return performance.now() - began
  }

  async openRuns() {
    return this.deployment.query(
      "select dag_id, run_id, state from dag_run where state in ('queued', 'running') order by id",
    )
  }

  /**
   * Until everything is done, the calendar's dates too; or until nothing is open and yet dates are missing for so long
   * that nobody will make them. @returns whether all was done
   */
  async drain(limitMs) {
    const deadline = performance.now() + limitMs
    let idleSince = performance.now()
    while (performance.now() < deadline && performance.now() - idleSince < IDLE_LIMIT_MS) {
      const isIdle = (await this.openRuns()).length === 0
      if (isIdle && (await this.deployment.hasCaughtUp())) return true
      if (!isIdle) idleSince = performance.now()
      await sleep(500)
    }
    return false
  }
}
