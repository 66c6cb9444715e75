// A mail server in this process that keeps what it is given, and reads it as a mail program would.

import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { ConnectionResult } from '../../../sdk/index.ts'

export interface Received {
  readonly from: string
  readonly recipients: readonly string[]
  /** As it came. */
  readonly raw: string
  readonly isSecure: boolean
  readonly user: string | null
}

export interface MailServer {
  readonly port: number
  readonly received: Received[]
  /** Connections so far. */
  readonly connections: () => number
  close(): Promise<void>
}

export const refusal = (message: string, responseCode: number) => Object.assign(new Error(message), { responseCode })

export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const received: Received[] = []
  let connections = 0
  const server = new SMTPServer({
    authOptional: true,
    closeTimeout: 100,
    onAuth: ({ username, password }, _session, done) =>
      username === 'baram' && password === 's3cr3t'
        ? done(null, { user: username })
        : done(refusal('no such login', 535)),
    onConnect: (_session, done) => {
      connections += 1
      done()
    },
    onData(stream, session, done) {
      const keep = (raw: string) => {
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          recipients: rcptTo.map(({ address }) => address),
          raw,
          isSecure: session.secure,
          user: typeof session.user === 'string' ? session.user : null,
        })
        done(null, 'kept')
      }
      text(stream).then(keep, done)
    },
    ...options,
  })
  // What a client cuts off is no error of the test.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    connections: () => connections,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

export function connectionTo(port: number, extra: object, more: Partial<ConnectionResult> = {}): ConnectionResult {
  const plain = { disable_ssl: true, disable_tls: true, from_email: 'Baram <baram@example.com>', retry_limit: 0 }
  return {
    id: 'smtp_default',
    type: 'smtp',
    host: '127.0.0.1',
    port,
    extra: JSON.stringify({ ...plain, ...extra }),
    ...more,
  }
}

const fromQuotedPrintable = (given: string) =>
  Buffer.from(
    given
      .replaceAll('=\r\n', '')
      .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  ).toString()

/** RFC 2047's encoded words. */
function decodeWords(value: string): string {
  return value
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi, (_, kind: string, word: string) =>
      kind.toUpperCase() === 'B'
        ? Buffer.from(word, 'base64').toString('latin1')
        : Buffer.from(fromQuotedPrintable(word.replaceAll('_', ' ')), 'utf8').toString('latin1'),
    )
}

export interface Part {
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  readonly parts: readonly Part[]
}

/** Header fields unfolded and decoded; bodies decoded; parts of a multipart each by itself. */
export function readMail(raw: string): Part {
  const [head = ''] = raw.split('\r\n\r\n', 1)
  const rest = raw.slice(head.length + 4)
  const headers = new Map(
    head
      .replaceAll(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map((line) => {
        const [name = ''] = line.split(':', 1)
        const value = decodeWords(line.slice(name.length + 1).trim())
        return [
          name.toLowerCase(),
          /[^\x00-\xff]/.test(value) ? value : Buffer.from(value, 'latin1').toString(),
        ] as const
      }),
  )
  const boundary = /boundary="([^"]+)"/.exec(headers.get('content-type') ?? '')?.[1]
  if (boundary !== undefined)
    return {
      headers,
      body: '',
      parts: rest
        .split(`--${boundary}`)
        .slice(1, -1)
        .map((part) => readMail(part.replace(/^\r\n/, '').replace(/\r\n$/, ''))),
    }
  const encoding = headers.get('content-transfer-encoding')
  if (encoding === 'base64') return { headers, body: Buffer.from(rest, 'base64').toString(), parts: [] }
  return { headers, body: encoding === 'quoted-printable' ? fromQuotedPrintable(rest) : rest, parts: [] }
}

/** The name in `filename*0*=utf-8''…` (RFC 2231), or in `filename=`. */
export function fileNameOf({ headers }: Part): string {
  const disposition = headers.get('content-disposition') ?? ''
  const pieces = [...disposition.matchAll(/filename\*\d*\*?=([^;]+)/g)].map(([, piece]) => piece ?? '')
  if (pieces.length > 0) return decodeURIComponent(pieces.join('').replace(/^utf-8''/i, ''))
  return /filename="?([^";]+)"?/.exec(disposition)?.[1] ?? ''
}
