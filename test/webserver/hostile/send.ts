// Sends a request as it stands: `fetch` would straighten the path (`/a/../b`) and refuse much of what a client may send.

import { Agent, request as send } from 'node:http'
import type { HostileRequest } from './requests.ts'

export interface Session {
  readonly url: string
  readonly token: string
  readonly cookie: string
  readonly csrf: string
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** A request that hangs is a fault too, ms. */
const LIMIT_MS = 20_000
const agent = new Agent({ keepAlive: true, maxSockets: 16 })

export const closeAgent = (): void => agent.destroy()

export function sendRaw(session: Session, { method, path, body, isPage }: HostileRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(session.url)
  const bytes = Buffer.from((body?.bytes ?? Buffer.alloc(0)).toString('latin1').replace('CSRF', session.csrf), 'latin1')
  const headers = {
    ...(isPage ? { cookie: session.cookie } : { authorization: `Bearer ${session.token}` }),
    ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': bytes.length, ...body.headers }),
  }
  return new Promise((resolve, reject) => {
    const req = send({ hostname, port, method, path, headers, agent, timeout: LIMIT_MS }, (res) => {
      const chunks: Buffer[] = []
      const finish = () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text: Buffer.concat(chunks).toString('utf8') })
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        // A stream that lasts as long as a run: its first line is the answer, and the client goes away.
        if (!String(res.headers['content-type']).startsWith('application/x-ndjson')) return
        finish()
        req.destroy()
      })
      res.on('error', reject)
      res.on('end', finish)
    })
    req.on('timeout', () => req.destroy(new Error(`no answer within ${LIMIT_MS} ms`)))
    req.on('error', reject)
    req.end(bytes)
  })
}
