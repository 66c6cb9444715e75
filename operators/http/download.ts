// A file of any length from a server of this deployment: streamed, whole or not there at all.

import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { request } from 'undici'
import { HttpStatusError, HttpUnreachableError, safeUrl } from './errors.ts'

/** Ms until the first byte, and between two pieces. */
const SILENCE_MS = 30_000

/** @throws HttpUnreachableError, HttpStatusError; what was begun is removed */
export async function downloadTo(url: string, path: string, signal: AbortSignal): Promise<void> {
  const part = `${path}.part`
  const where = safeUrl(new URL(url))
  const limits = { headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS }
  try {
    const { statusCode, body } = await request(url, { signal, ...limits }).catch((cause: unknown) => {
      signal.throwIfAborted()
      throw new HttpUnreachableError(
        `GET ${where}: no answer: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      )
    })
    if (statusCode !== 200) {
      await body.dump()
      throw new HttpStatusError(statusCode, `GET ${where} answered ${statusCode}`)
    }
    await pipeline(body, createWriteStream(part), { signal })
    await rename(part, path)
  } finally {
    await rm(part, { force: true })
  }
}
