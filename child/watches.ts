// Waits of deferred tasks: thousands of triggers side by side in one process. Each runs in the scope of its task, so that
// its client and logger are the task's own.

import { messageText } from '../core/bound-result.ts'
import { BaramError, messageOf } from '../core/errors.ts'
import { checkJson } from '../core/json.ts'
import type { FromChild, WatchSpec } from '../core/protocol.ts'
import { findBody } from '../sdk/serialize.ts'
import type { TriggerContext, TriggerFactory } from '../sdk/trigger.ts'
import { sleepFor } from '../sdk/waiting.ts'
import { type Calls, makeClient, makeRunApi } from './client.ts'
import { loadModule } from './load.ts'

async function findTrigger(spec: WatchSpec): Promise<TriggerFactory> {
  const { dags } = await loadModule(spec.modulePath)
  const dag = dags.find((candidate) => candidate.dagId === spec.dagId)
  const operator = dag === undefined ? null : (findBody(dag, spec.taskId)?.operator ?? null)
  const trigger = operator?.triggers?.find((candidate) => candidate.triggerName === spec.trigger)
  if (trigger === undefined)
    throw new BaramError(
      'DAG_INVALID',
      `task ${spec.taskId} of DAG ${spec.dagId} has no trigger "${spec.trigger}"; list it in the operator's triggers`,
    )
  return trigger
}

export class Watches {
  private readonly running = new Map<number, AbortController>()
  private readonly calls: Calls
  private readonly post: (message: FromChild) => void

  constructor(calls: Calls, post: (message: FromChild) => void) {
    this.calls = calls
    this.post = post
  }

  start(spec: WatchSpec): void {
    const abort = new AbortController()
    this.running.set(spec.id, abort)
    void this.watch(spec, abort.signal)
  }

  stop(id: number): void {
    this.running.get(id)?.abort(new Error('the task no longer waits'))
    this.running.delete(id)
  }

  private context(spec: WatchSpec, signal: AbortSignal): TriggerContext {
    return {
      dagId: spec.dagId,
      taskId: spec.taskId,
      runId: spec.runId,
      tryNumber: spec.tryNumber,
      mapIndex: spec.mapIndex,
      signal,
      client: makeClient(this.calls, spec.id),
      runs: makeRunApi(this.calls, spec.id),
      sleep: (seconds) => sleepFor(seconds, signal),
    }
  }

  private async watch(spec: WatchSpec, signal: AbortSignal): Promise<void> {
    try {
      const trigger = await findTrigger(spec)
      const event = checkJson((await trigger.run(this.context(spec, signal), spec.args)) ?? null, 'the event')
      if (!signal.aborted) this.post({ type: 'event', id: spec.id, event })
    } catch (error) {
      // After an abort nobody waits for it, whatever it throws on its way out.
      if (!signal.aborted) this.post({ type: 'watch_failed', id: spec.id, message: messageText(messageOf(error)) })
    } finally {
      this.running.delete(spec.id)
    }
  }
}
