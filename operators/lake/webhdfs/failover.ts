// Which NameNode is asked: the one that served last, and the next one when that does not serve.

import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskLogger } from '../../../sdk/index.ts'
import { WebHdfsError, WebHdfsTimedOutError, WebHdfsUnreachableError } from './errors.ts'

/** Said by a NameNode that stands by, or is about to serve. It has not done what was asked. */
const NOT_SERVING = ['StandbyException', 'RetriableException', 'ObserverRetryOnActiveException', 'SafeModeException']
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2_000

/** No answer came: what was asked may have happened all the same. */
function isUncertain(error: unknown): boolean {
  return error instanceof WebHdfsUnreachableError || error instanceof WebHdfsTimedOutError
}

function isNotServing(error: unknown): boolean {
  return isUncertain(error) || (error instanceof WebHdfsError && NOT_SERVING.includes(error.exception))
}

export interface Attempt {
  readonly nameNode: string
  /** An earlier attempt got no answer: it may have done what this one is about to do. */
  readonly isRepeated: boolean
}

export class NameNodes {
  readonly #names: readonly string[]
  readonly #limitMs: number
  readonly #log: Pick<TaskLogger, 'warn'>
  #current = 0

  constructor(names: readonly string[], limitMs: number, log: Pick<TaskLogger, 'warn'>) {
    this.#names = names
    this.#limitMs = limitMs
    this.#log = log
  }

  /**
   * Runs a call at the NameNode that serves. With several, one that does not serve is passed over, again and again until
   * the limit: a failover takes seconds. With one alone its error is told at once: waiting is the business of a retry.
   */
  async call<T>(signal: AbortSignal | undefined, attempt: (at: Attempt) => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#limitMs
    let isRepeated = false
    for (let tries = 1; ; tries += 1) {
      const nameNode = this.#names[this.#current] ?? ''
      try {
        return await attempt({ nameNode, isRepeated })
      } catch (error) {
        signal?.throwIfAborted()
        if (this.#names.length === 1 || !isNotServing(error) || performance.now() > deadline) throw error
        isRepeated ||= isUncertain(error)
        this.#passOver(nameNode, error)
        const round = Math.floor(tries / this.#names.length)
        if (tries % this.#names.length === 0)
          await sleep(Math.min(FIRST_PAUSE_MS * 2 ** (round - 1), LONGEST_PAUSE_MS), undefined, signal && { signal })
      }
    }
  }

  /** Calls run side by side: only the first to fail moves on, else two would step over the one that serves. */
  #passOver(nameNode: string, error: unknown): void {
    if (this.#names[this.#current] !== nameNode) return
    this.#current = (this.#current + 1) % this.#names.length
    const reason = error instanceof Error ? error.message : String(error)
    this.#log.warn({ nameNode, next: this.#names[this.#current], reason }, 'NameNode does not serve: asking the next')
  }
}
