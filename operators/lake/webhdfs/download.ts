// Reading a file through the package: a stream with back-pressure that ends only when all bytes have come.

import { Readable } from 'node:stream'
import { statusOf, unreachable } from './client.ts'
import { remoteException, WebHdfsAnswerError, WebHdfsError, WebHdfsTimedOutError, type Where } from './errors.ts'
import type { PackageRequest } from './package.ts'
import { Stall } from './stall.ts'

interface Limits {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return text
  }
}

/** `null` when the server did not say. */
function lengthOf(response: unknown): number | null {
  // A response of node:http; only its headers are read.
  const { headers } = response as { readonly headers: Readonly<Record<string, string | undefined>> }
  const length = headers['content-length']
  return length === undefined ? null : Number(length)
}

/** The package emits an error for the first piece of an error's body, without its class: the whole body is read here. */
function rejectWith(request: PackageRequest, status: number, where: Where, reject: (error: Error) => void): void {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () =>
    reject(new WebHdfsError(where, status, remoteException(parsed(Buffer.concat(pieces).toString('utf8'))))),
  )
}

/** The bytes of an answer that has begun. A connection that breaks looks like an end to the package: so they are counted. */
function streamOf(
  request: PackageRequest,
  expected: number | null,
  where: Where,
  { timeoutMs, signal }: Limits,
): Readable {
  let received = 0
  const readable = new Readable({
    read() {
      stall.wait()
      request.resume()
    },
    destroy(error, done) {
      stall.rest()
      request.abort()
      done(error)
    },
    ...(signal !== undefined && { signal }),
  })
  const stall = new Stall(timeoutMs, () => readable.destroy(new WebHdfsTimedOutError(where, timeoutMs)))
  request.on('data', (piece: Buffer) => {
    received += piece.length
    stall.rest()
    if (!readable.push(piece)) request.pause()
  })
  request.on('end', () => {
    if (expected === null || received === expected) readable.push(null)
    else readable.destroy(new WebHdfsAnswerError(where, `the file broke off after ${received} of ${expected} bytes`))
  })
  request.on('error', (error: unknown) => readable.destroy(unreachable(where, error)))
  request.pause()
  return readable
}

/** Resolves once the file's first bytes are on their way, so that a refusal is told here and not in the stream. */
export function download(start: () => PackageRequest, where: Where, limits: Limits): Promise<Readable> {
  const { timeoutMs, signal } = limits
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const request = start()
    const timer = setTimeout(() => fail(new WebHdfsTimedOutError(where, timeoutMs)), timeoutMs)
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
    const fail = (error: unknown): void => {
      end()
      request.abort()
      reject(error)
    }
    const stop = (): void => fail(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    let hasAnswer = false
    request.on('error', (error: unknown) => {
      if (!hasAnswer) fail(unreachable(where, error))
    })
    request.on('response', (response: unknown) => {
      hasAnswer = true
      const status = statusOf(response)
      if (status !== 200) return rejectWith(request, status, where, fail)
      end()
      return resolve(streamOf(request, lengthOf(response), where, limits))
    })
  })
}
