// Mail to a real server in this process: what arrives, what is refused, and how it ends.

import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { SMTPServerOptions } from 'smtp-server'
import { afterEach, describe, expect, test } from 'vitest'
import { ConnectionUnusableError } from '../../../operators/connection.ts'
import { type EmailOptions, email } from '../../../operators/email/email.ts'
import { EmailError } from '../../../operators/email/session.ts'
import { type ConnectionResult, FailTask } from '../../../sdk/index.ts'
import {
  type MadeUp,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  temporaryFolder,
} from '../../support/operator-context.ts'
import { connectionTo, fileNameOf, type MailServer, readMail, refusal, startMailServer } from './server.ts'

removeTemporaryFoldersAfterwards()

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serve(options: SMTPServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer(options)
  closing.push(() => server.close())
  return server
}

const MAIL: EmailOptions = { to: 'kim@example.com', subject: 'Report', htmlContent: '<p>Done</p>' }

async function send(connection: ConnectionResult, options: Partial<EmailOptions> = {}, world: Partial<MadeUp> = {}) {
  const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [connection], ...world })
  await email({ ...MAIL, ...options }).execute(op, {})
  return op
}

async function received(options: Partial<EmailOptions> = {}) {
  const server = await serve()
  await send(connectionTo(server.port, {}), options)
  expect(server.received).toHaveLength(1)
  const [mail] = server.received
  return { mail: mail!, ...readMail(mail!.raw) }
}

describe('a mail', () => {
  test('arrives with its headers and its HTML', async () => {
    const { mail, headers, body } = await received()
    expect(mail).toMatchObject({ from: 'baram@example.com', recipients: ['kim@example.com'] })
    expect(headers.get('from')).toBe('Baram <baram@example.com>')
    expect(headers.get('to')).toBe('kim@example.com')
    expect(headers.get('subject')).toBe('Report')
    expect(headers.get('content-type')).toContain('text/html')
    expect(body.trim()).toBe('<p>Done</p>')
  })

  test('keeps Korean in subject, names and both bodies', async () => {
    const subject = '일일 보고: 서울 강남 매출이 어제보다 크게 늘었습니다 — 자세한 내용은 첨부를 보세요'
    const { headers, parts } = await received({
      subject,
      to: '김철수 <kim@example.com>',
      htmlContent: '<p>안녕하세요</p>',
      text: '안녕하세요',
    })
    expect(headers.get('subject')).toBe(subject)
    expect(headers.get('to')).toBe('김철수 <kim@example.com>')
    expect(headers.get('content-type')).toContain('multipart/alternative')
    expect(parts.map(({ body }) => body.trim())).toEqual(['안녕하세요', '<p>안녕하세요</p>'])
  })

  test('carries files under their names, whole', async () => {
    const folder = await temporaryFolder()
    const name = '2024년 3월 매출 보고서 (강남점, 서초점, 송파점) 최종본.csv'
    await writeFile(join(folder, name), '품목,원\n사과,3200\n')
    const { headers, parts } = await received({ files: [join(folder, name)] })
    expect(headers.get('content-type')).toContain('multipart/mixed')
    const [html, file] = parts
    expect(html?.body.trim()).toBe('<p>Done</p>')
    expect(fileNameOf(file!)).toBe(name)
    expect(file?.headers.get('content-disposition')).toMatch(/^attachment/)
    expect(file?.body).toBe('품목,원\n사과,3200\n')
  })

  test('goes to everybody, and shows nobody who else was in bcc', async () => {
    const { mail, headers } = await received({
      to: 'a@example.com, "Kim, Chul" <b@example.com>; c@example.com',
      cc: ['d@example.com', 'E <e@example.com>'],
      bcc: 'secret@example.com',
    })
    const names = ['a', 'b', 'c', 'd', 'e', 'secret'].map((name) => `${name}@example.com`)
    expect([...mail.recipients].sort()).toEqual([...names].sort())
    expect(headers.get('cc')).toBe('d@example.com, E <e@example.com>')
    expect(mail.raw).not.toContain('secret')
  })

  test('is from fromEmail rather than the connection’s, and has headers of its own', async () => {
    const { mail, headers } = await received({ fromEmail: 'me@example.com', customHeaders: { 'X-Team': '데이터' } })
    expect(mail.from).toBe('me@example.com')
    expect(headers.get('x-team')).toBe('데이터')
  })

  test('never reads a file or an address its body names', async () => {
    // Rendered values are what the template gave, whatever the type says.
    const { body } = await received({ htmlContent: '{"path":"/etc/passwd"}' })
    expect(body.trim()).toBe('{"path":"/etc/passwd"}')
    const object = { path: '/etc/passwd' } as unknown as string
    const server = await serve()
    const operator = email(MAIL)
    const op = madeUpContext({ embeddedRoot: '/', connections: [connectionTo(server.port, {})] })
    await operator.execute(op, {}, { ...operator.options, htmlContent: object })
    expect(readMail(server.received[0]?.raw ?? '').body.trim()).toBe('{"path":"/etc/passwd"}')
  })
})

describe('what could add to a mail is refused before the server is spoken to:', () => {
  test.each<[string, Partial<EmailOptions>, RegExp]>([
    ['a line break in the subject', { subject: 'Hi\r\nBcc: evil@example.com' }, /subject holds a line break/],
    ['a lone line feed in the subject', { subject: 'Hi\nX: 1' }, /subject holds a line break/],
    ['a line break in an address', { to: 'a@example.com\nBcc: evil@example.com' }, /to holds a line break/],
    ['a line break in a name', { cc: ['A\r\nX: 1 <a@example.com>'] }, /cc\[0\] holds a line break/],
    ['a line break in the sender', { fromEmail: 'a@example.com\rX: 1' }, /fromEmail holds a line break/],
    ['a line break in a header', { customHeaders: { 'X-A': 'b\nc' } }, /customHeaders\.X-A holds a line break/],
    ['a second address in an item of a list', { to: ['a@example.com, evil@example.com'] }, /must be one mail address/],
    ['a second sender', { fromEmail: 'a@example.com, b@example.com' }, /fromEmail must be one mail address/],
    ['an address that is none', { to: 'kim' }, /to holds no mail address in "kim"/],
    ['no recipient at all', { to: ' , ' }, /has no recipient/],
    ['a file by a relative path', { files: ['report.csv'] }, /must be an absolute path/],
  ])('%s', async (_, options, message) => {
    const server = await serve()
    const failed = send(connectionTo(server.port, {}), options)
    await expect(failed).rejects.toThrow(FailTask)
    await expect(failed).rejects.toThrow(message)
    expect(server.connections()).toBe(0)
  })

  test('a file that is missing, which may come', async () => {
    const server = await serve()
    const failed = send(connectionTo(server.port, {}), { files: ['/nonexistent/보고서.csv'] })
    await expect(failed).rejects.toThrow(EmailError)
    await expect(failed).rejects.toThrow('/nonexistent/보고서.csv cannot be read on this host (ENOENT)')
    expect(server.connections()).toBe(0)
  })
})

describe('a server that refuses', () => {
  const onRcptTo: NonNullable<SMTPServerOptions['onRcptTo']> = ({ address }, _session, done) =>
    address.startsWith('bad') ? done(refusal('no such mailbox', 550)) : done()

  test('every recipient fails the try, with its words', async () => {
    const server = await serve({ onRcptTo })
    const failed = send(connectionTo(server.port, {}), { to: 'bad@example.com' })
    await expect(failed).rejects.toThrow(EmailError)
    await expect(failed).rejects.toThrow(/the mail was not taken by 127\.0\.0\.1:\d+: .*550 no such mailbox/)
    await expect(failed).rejects.toMatchObject({ responseCode: 550 })
    expect(server.received).toEqual([])
  })

  test('some of them fails without a retry, since the others have the mail', async () => {
    const server = await serve({ onRcptTo })
    const failed = send(connectionTo(server.port, {}), { to: ['bad@example.com', 'good@example.com'] })
    await expect(failed).rejects.toThrow(FailTask)
    await expect(failed).rejects.toThrow(/refused bad@example\.com \(.*550 no such mailbox.*\); the mail went to/)
    expect(server.received[0]?.recipients).toEqual(['good@example.com'])
  })

  test('the login fails the try without telling the password', async () => {
    const server = await serve({ secure: true })
    const wrong = { login: 'baram', password: 'wr0ng-pass' }
    const connection = connectionTo(server.port, { disable_ssl: false, ssl_context: 'none' }, wrong)
    const failed = send(connection).catch((error: unknown) => error)
    const error = await failed
    expect(error).toMatchObject({ name: 'EmailError', responseCode: 535 })
    expect(String(error)).toMatch(/login baram was refused by 127\.0\.0\.1:\d+: .*no such login/)
    expect(String(error)).not.toContain('wr0ng-pass')
  })

  test('the size says so', async () => {
    const server = await serve({ size: 1_000 })
    const failed = send(connectionTo(server.port, {}), { htmlContent: 'x'.repeat(5_000) })
    await expect(failed).rejects.toThrow(/Message size larger than allowed 1000/)
  })
})

describe('the connection', () => {
  const login = { login: 'baram', password: 's3cr3t' }

  test('speaks TLS from the start by default, and signs in', async () => {
    const server = await serve({ secure: true, authOptional: false })
    await send(connectionTo(server.port, { disable_ssl: false, ssl_context: 'none' }, login))
    expect(server.received[0]).toMatchObject({ isSecure: true, user: 'baram' })
  })

  test('with disable_ssl begins TLS by STARTTLS', async () => {
    const server = await serve()
    await send(connectionTo(server.port, { disable_tls: false, ssl_context: 'none' }, login))
    expect(server.received[0]).toMatchObject({ isSecure: true, user: 'baram' })
  })

  test('with disable_ssl and disable_tls speaks in the open, and warns of a password', async () => {
    const server = await serve({ allowInsecureAuth: true })
    const op = await send(connectionTo(server.port, {}, login))
    expect(server.received[0]).toMatchObject({ isSecure: false, user: 'baram' })
    expect(op.lines.map(({ message }) => message)).toContain('the password is sent unencrypted')
  })

  test('that must be encrypted fails where the server does not offer it, before anything is told', async () => {
    const server = await serve({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'] })
    const failed = send(connectionTo(server.port, { disable_tls: false }, login))
    await expect(failed).rejects.toThrow(EmailError)
    await expect(failed).rejects.toThrow(/STARTTLS is required: extra\.disable_tls hands mail in unencrypted/)
    expect(server.received).toEqual([])
  })

  test('of TLS to a server that speaks none says what to set', async () => {
    const server = await serve()
    await expect(send(connectionTo(server.port, { disable_ssl: false }))).rejects.toThrow(
      /does not speak TLS from the start: extra\.disable_ssl/,
    )
  })

  test('looks at the certificate unless ssl_context is none', async () => {
    const server = await serve({ secure: true })
    await expect(send(connectionTo(server.port, { disable_ssl: false }))).rejects.toThrow(/extra\.ssl_context "none"/)
    expect(server.received).toEqual([])
  })

  test('is tried again retry_limit times, and only it', async () => {
    let calls = 0
    const closesTwice = await serve({
      onConnect: (_session, done) => {
        calls += 1
        done(calls < 3 ? refusal('busy', 421) : null)
      },
    })
    await send(connectionTo(closesTwice.port, { retry_limit: 2 }))
    expect(closesTwice.received).toHaveLength(1)
    let tried = 0
    const refuses = await serve({
      onData: (stream, _session, done) => {
        tried += 1
        stream.resume()
        stream.on('end', () => done(refusal('disk full', 452)))
      },
    })
    await expect(send(connectionTo(refuses.port, { retry_limit: 5 }))).rejects.toThrow(/452 disk full/)
    expect(tried).toBe(1)
  })

  test('that nobody answers fails with its address', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    await expect(send(connectionTo(port, { retry_limit: 2 }))).rejects.toThrow(
      new RegExp(`there is no connection to 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`),
    )
  })

  test('ends with the attempt while the server is silent', async () => {
    const abort = new AbortController()
    const silent = createServer((socket) => {
      socket.on('error', () => undefined)
      abort.abort(new Error('Task aborted by its time limit'))
    }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    closing.push(() => new Promise((resolve) => silent.close(resolve)))
    const { port } = silent.address() as AddressInfo
    await expect(send(connectionTo(port, {}), {}, { signal: abort.signal })).rejects.toThrow('its time limit')
  })

  test.each<[string, Partial<ConnectionResult>, RegExp]>([
    ['of another type', { type: 'http' }, /must be of type smtp, found http/],
    ['without a host', { host: null }, /it needs a host/],
    ['with an unknown ssl_context', { extra: '{"ssl_context": "mine"}' }, /ssl_context must be "default" or "none"/],
    ['with a flag that is none', { extra: '{"disable_ssl": "maybe"}' }, /disable_ssl must be true or false/],
    ['with OAuth2', { extra: '{"auth_type": "oauth2"}' }, /auth_type must be basic/],
    ['without a sender', { extra: '{}' }, /give fromEmail, or extra/],
  ])('%s is refused with what to set', async (_, given, message) => {
    const failed = send({ ...connectionTo(1, {}), ...given })
    await expect(failed).rejects.toThrow(ConnectionUnusableError)
    await expect(failed).rejects.toThrow(message)
  })
})

test('Airflow’s template fields and defaults are kept', () => {
  const { templateFields, options, name } = email(MAIL)
  expect(name).toBe('EmailOperator')
  expect(options).toMatchObject({ connId: 'smtp_default' })
  expect([...(templateFields ?? [])].sort()).toEqual(
    [...['to', 'cc', 'bcc', 'subject', 'htmlContent', 'text', 'files', 'customHeaders', 'fromEmail', 'connId']].sort(),
  )
})

test('options that cannot be are told while the DAG is read', () => {
  expect(() => email({ ...MAIL, to: [] })).toThrow('email: to is empty')
  expect(() => email({ ...MAIL, files: '/a' as unknown as string[] })).toThrow('files must be a list')
  expect(() => email({ to: 'a@example.com' } as EmailOptions)).toThrow('subject must be a text')
})
