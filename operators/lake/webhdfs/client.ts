// The package webhdfs, mended: paths encoded, every call limited in time, and its end read from the answer itself.
//
// The package tells success or a bare message, and takes every status it does not know for a success of an upload. But
// each of its functions returns the request behind it: from that we take status and body, and what HDFS said.

import type { WebHdfsTarget } from './connection.ts'
import {
  isRecord,
  remoteException,
  WebHdfsAnswerError,
  WebHdfsError,
  WebHdfsTimedOutError,
  WebHdfsUnreachableError,
  type Where,
} from './errors.ts'
import { loadPackage, type PackageRequest, type WebHdfsPackage } from './package.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** A DataNode then says whether it takes the file before the file is sent. */
const UPLOAD_HEADERS = { 'content-type': 'application/octet-stream', expect: '100-continue' }

interface PackageClients {
  readonly calls: WebHdfsPackage
  readonly uploads: WebHdfsPackage
}

/** The package client of each NameNode. Loaded on first use, so that a DAG file which only names an operator stays cheap. */
export function packageClients(target: WebHdfsTarget): ReadonlyMap<string, PackageClients> {
  const webhdfs = loadPackage()
  const requestParams = {
    // One connection a call: a kept one may be closed by the server just as a file is to be sent over it.
    pool: false,
    strictSSL: target.verify,
    ...(target.ca !== undefined && { ca: target.ca }),
    qs: credentialsOf(target),
    ...(target.password !== '' && { auth: { user: target.user, pass: target.password } }),
    // The package asks the body for a property without a look whether it is null, which would end the process.
    jsonReviver: (key: string, value: unknown) => (key === '' && value === null ? {} : value),
  }
  return new Map(
    target.nameNodes.map((nameNode) => {
      const at = nameNode.lastIndexOf(':')
      const [host, port] = [nameNode.slice(0, at), Number(nameNode.slice(at + 1))]
      const options = { protocol: target.protocol, host, port, path: target.root }
      const calls = webhdfs.createClient(options, requestParams)
      return [
        nameNode,
        { calls, uploads: webhdfs.createClient(options, { ...requestParams, headers: UPLOAD_HEADERS }) },
      ]
    }),
  )
}

/** Who asks, as query parameters. */
export function credentialsOf({ user, proxyUser, token }: WebHdfsTarget): Readonly<Record<string, string>> {
  return {
    ...(user !== '' && { 'user.name': user }),
    ...(proxyUser !== '' && { doas: proxyUser }),
    ...(token !== '' && { delegation: token }),
  }
}

/** Korean and spaced names, and `%`, `?`, `#`, survive; `/` stays. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/** A response as the package's requests emit it. */
export function statusOf(response: unknown): number {
  return isRecord(response) || typeof response === 'object'
    ? Number((response as { readonly statusCode?: unknown }).statusCode ?? 0)
    : 0
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''

export function unreachable(where: Where, error: unknown): WebHdfsUnreachableError {
  return new WebHdfsUnreachableError(where, messageOf(error))
}

/**
 * The answer of one call of the package, whatever its status.
 * @throws WebHdfsUnreachableError, WebHdfsTimedOutError, or the signal's reason
 */
export function answerOf(
  start: (done: () => void) => PackageRequest,
  where: Where,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Answer> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const request = start(() => undefined)
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      settle()
    }
    const stop = (): void => {
      request.abort()
      end(() => reject(signal?.reason))
    }
    const timer = setTimeout(() => {
      request.abort()
      end(() => reject(new WebHdfsTimedOutError(where, timeoutMs)))
    }, timeoutMs)
    signal?.addEventListener('abort', stop, { once: true })
    request.on('complete', (response: unknown, body: unknown) => {
      end(() => resolve({ status: statusOf(response), body }))
    })
    request.on('error', (error: unknown) => end(() => reject(unreachable(where, error))))
  })
}

/** The JSON of a success. @throws WebHdfsError, WebHdfsAnswerError */
export function accepted({ status, body }: Answer, where: Where): Readonly<Record<string, unknown>> {
  if (status !== 200 && status !== 201) throw new WebHdfsError(where, status, remoteException(body))
  if (isRecord(body)) return body
  throw new WebHdfsAnswerError(where, `expected JSON, found ${JSON.stringify(body).slice(0, 200)}`)
}
