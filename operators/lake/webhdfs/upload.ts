// Sending a file through the package: from any source, with back-pressure, never whole in memory.
//
// WebHDFS creates in two steps: the NameNode answers with a DataNode's address, then the bytes go there. The package
// does both when a stream is piped into its request. It keeps the second request to itself; our source sees it all the
// same, as what it is piped into, and that is how an upload is watched and broken off.
//
// The source gives its first byte only once the DataNode says "100 Continue", which is after it has made the file. So a
// refusal (no right, no space) is read instead of being lost in a broken pipe, and until then another NameNode can be
// asked with the same source.

import type { ClientRequest } from 'node:http'
import { Readable } from 'node:stream'
import { statusOf, unreachable } from './client.ts'
import { remoteException, WebHdfsError, WebHdfsTimedOutError, type Where } from './errors.ts'
import type { PackageRequest } from './package.ts'
import { Stall } from './stall.ts'

/** A server that says nothing to "Expect: 100-continue" is sent the file after this time, as HTTP has it. */
const CONTINUE_MS = 1_000

/** What is sent, counted; opened by one attempt after another until one sends it. */
export class Chunks {
  readonly #iterator: AsyncIterator<Uint8Array>
  bytes = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]()
  }

  /** `null` at the end. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      const next = await this.#iterator.next()
      if (next.done === true) return null
      if (next.value.length === 0) continue
      this.bytes += next.value.length
      return next.value
    }
  }

  /** Lets a generator close what it holds. */
  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

/** The request to the DataNode, as the source meets it. */
interface SecondRequest extends PackageRequest {
  /** Of the package `request`: sends the head now instead of with the first byte, which is held back. */
  start(): void
}

/** What is piped into the package's request. */
class Source extends Readable {
  readonly #chunks: Chunks
  readonly #stall: Stall
  readonly #onPiped: (destination: unknown) => void
  #isWanted = false
  isOpen = false

  constructor(chunks: Chunks, stall: Stall, onPiped: (destination: unknown) => void) {
    super()
    this.#chunks = chunks
    this.#stall = stall
    this.#onPiped = onPiped
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T, options?: { end?: boolean }): T {
    const piped = super.pipe(destination, options)
    this.#onPiped(destination)
    return piped
  }

  override _read(): void {
    if (this.isOpen) this.#pull()
    else this.#isWanted = true
  }

  open(): void {
    if (this.isOpen) return
    this.isOpen = true
    if (this.#isWanted) this.#pull()
  }

  #pull(): void {
    // The server has taken what it was given: now our side is to move.
    this.#stall.rest()
    this.#chunks.next().then(
      (chunk) => {
        if (this.destroyed) return
        this.#stall.wait()
        this.push(chunk)
      },
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    )
  }
}

interface Limits {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Nothing was sent yet, so the same source can be sent to another NameNode. */
export class NothingSentError extends Error {
  override readonly name = 'NothingSentError'
  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

/**
 * Sends the chunks as one file.
 * @param begin the package's write request of one NameNode
 * @throws NothingSentError around what stopped it before the first byte; after it WebHdfsError,
 *   WebHdfsUnreachableError, WebHdfsTimedOutError, or what the source throws; the signal's reason
 */
export function upload(
  chunks: Chunks,
  begin: () => PackageRequest & NodeJS.WritableStream,
  where: Where,
  { timeoutMs, signal }: Limits,
): Promise<void> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const first = begin()
    let second: SecondRequest | null = null
    let holding: NodeJS.Timeout | undefined
    let isSettled = false
    const end = (settle: () => void): void => {
      if (isSettled) return
      isSettled = true
      stall.rest()
      clearTimeout(holding)
      signal?.removeEventListener('abort', stop)
      settle()
    }
    const fail = (error: unknown): void =>
      end(() => {
        first.abort()
        second?.abort()
        source.destroy()
        reject(!source.isOpen && error instanceof Error ? new NothingSentError(error) : error)
      })
    const stop = (): void => fail(signal?.reason)
    const stall = new Stall(timeoutMs, () => fail(new WebHdfsTimedOutError(where, timeoutMs)))
    const answered = (expected: number, then: () => void) => (response: unknown, body: unknown) => {
      const status = statusOf(response)
      if (status === expected) then()
      else fail(new WebHdfsError(where, status, remoteException(body)))
    }
    const send = (request: SecondRequest): void => {
      second = request
      // Before the package, which tells a refusal without its class, as an error of the first request.
      request.prependListener(
        'complete',
        answered(201, () => end(resolve)),
      )
      request.on('error', (error: unknown) => fail(unreachable(where, error)))
      request.on('request', (underlying: ClientRequest) => {
        underlying.once('continue', () => source.open())
        underlying.flushHeaders()
        holding = setTimeout(() => source.open(), CONTINUE_MS)
      })
      request.start()
    }
    const source = new Source(chunks, stall, (destination) => {
      // The package pipes the source into a request of its own kind, the one to the DataNode.
      if (destination !== first) send(destination as SecondRequest)
    })
    source.on('error', fail)
    signal?.addEventListener('abort', stop, { once: true })
    first.on('error', (error: unknown) => fail(unreachable(where, error)))
    first.prependListener(
      'complete',
      answered(307, () => undefined),
    )
    stall.wait()
    source.pipe(first)
  })
}
