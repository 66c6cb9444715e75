// A server of this process that answers as a test says, and remembers what it was asked.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach } from 'vitest'
import type { ConnectionResult } from '../../../sdk/index.ts'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Reply = (request: IncomingMessage, response: ServerResponse, seen: Seen) => void

const closing: (() => Promise<void>)[] = []

export function closeServersAfterEach(): void {
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
}

export interface TestServer {
  readonly url: string
  readonly port: number
  readonly seen: Seen[]
  /** Of type http, to this server. */
  connection(more?: Partial<ConnectionResult>): ConnectionResult
}

/** Answers each request with the next reply, and the last one for ever. */
export async function scripted(...replies: readonly Reply[]): Promise<TestServer> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }
      seen.push(one)
      replies[Math.min(seen.length, replies.length) - 1]?.(request, response, one)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    connection: (more = {}) => ({ id: 'http_default', type: 'http', host: '127.0.0.1', port, ...more }),
  }
}

export function reply(
  status: number,
  body: string | Buffer = '',
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(body)
  }
}

export const json = (value: unknown, headers: Readonly<Record<string, string>> = {}) =>
  reply(200, JSON.stringify(value), headers)
