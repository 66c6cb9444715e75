// The trigger of a deferred task in a test: it runs until it sleeps, and goes on when the run's clock has come so far.

import { makeClient, makeRunApi } from '../child/client.ts'
import { messageOf } from '../core/errors.ts'
import { checkJson, type JsonValue } from '../core/json.ts'
import type { Wait } from '../core/protocol.ts'
import type { TaskInstanceView } from '../core/run-model.ts'
import type { Outcome } from '../core/settle.ts'
import { findBody } from '../sdk/serialize.ts'
import { runWithTime, type Waiting } from '../sdk/waiting.ts'
import { type AttemptDeps, askingOf, portOf } from './attempt.ts'
import { MOST_WAITS, tooManyWaits } from './clock.ts'

/** How it ended: with its event, or with an error. */
export type Fired = { readonly event: JsonValue } | { readonly outcome: Outcome }

export class Watch {
  /** When it goes on, epoch ms; null = it has ended, or was not begun. */
  wakeAt: number | null = null
  fired: Fired | null = null
  private readonly abort = new AbortController()
  private readonly deps: AttemptDeps
  private readonly ti: TaskInstanceView
  private readonly wait: Wait & { kind: 'trigger' }
  private goOn: (() => void) | null = null
  private changed: () => void = () => undefined
  private count = 0

  constructor(deps: AttemptDeps, ti: TaskInstanceView, wait: Wait & { kind: 'trigger' }) {
    this.deps = deps
    this.ti = ti
    this.wait = wait
  }

  /** Begins, or goes on; resolves when it sleeps or has ended. */
  step(): Promise<void> {
    const quiet = new Promise<void>((resolve) => {
      this.changed = resolve
    })
    const { goOn } = this
    this.wakeAt = null
    this.goOn = null
    if (goOn === null) void this.run()
    else goOn()
    return quiet
  }

  /** Nobody waits for it any more. */
  stop(): void {
    this.abort.abort(new Error('the task no longer waits'))
  }

  private sleep(seconds: number): Promise<void> {
    if (++this.count > MOST_WAITS) throw tooManyWaits()
    this.wakeAt = this.deps.clock.now() + Math.max(0, seconds) * 1000
    return new Promise((resolve) => {
      this.goOn = resolve
      this.changed()
    })
  }

  private async run(): Promise<void> {
    const { deps, ti, wait } = this
    const asking = askingOf(deps, ti)
    const port = portOf(deps, asking, ti)
    const { signal } = this.abort
    const time: Waiting = { now: () => deps.clock.now(), sleep: async (seconds) => this.sleep(seconds) }
    try {
      const triggers = findBody(deps.dag, asking.taskId)?.operator?.triggers
      const trigger = triggers?.find((trigger) => trigger.triggerName === wait.name)
      if (trigger === undefined) throw new Error(`the operator has no trigger "${wait.name}"; list it in its triggers`)
      const context = {
        ...asking,
        ...{ tryNumber: ti.tryNumber, signal, client: makeClient(port, 1), runs: makeRunApi(port, 1) },
        sleep: async (seconds: number) => this.sleep(seconds),
      }
      const event = await runWithTime(time, () => trigger.run(context, wait.args))
      this.fired = { event: checkJson(event ?? null, 'the event') }
    } catch (error) {
      const message = `its trigger failed: ${messageOf(error)}`
      this.fired = { outcome: { kind: 'failure', message, isRetryable: true } }
    }
    this.changed()
  }
}
