// Alerts by mail: what arrives.

import { expect, it } from 'vitest'
import { type EmailAlertOptions, emailAlert } from '../../../operators/email/alert.ts'
import { madeUpContext } from '../../support/made-up-context.ts'
import { ALERT } from '../alert.ts'
import { connectionTo, readMail, startMailServer } from './server.ts'

async function receive(options: Partial<EmailAlertOptions> = {}, alert = ALERT) {
  const server = await startMailServer({})
  try {
    const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [connectionTo(server.port, {})] })
    await emailAlert({ to: 'team@example.com', ...options }).notify(op, alert)
    expect(server.received).toHaveLength(1)
    const [mail] = server.received
    const { headers } = readMail(mail?.raw ?? '')
    // Both parts, text and HTML, without the line ends of quoted-printable.
    return {
      recipients: mail?.recipients,
      headers,
      body: (mail?.raw ?? '').replaceAll('=\r\n', '').replaceAll('=3D', '='),
    }
  } finally {
    await server.close()
  }
}

it('says what, why, when and where, in the zone of the DAG and escaped', async () => {
  const { recipients, headers, body } = await receive()
  expect(recipients).toEqual(['team@example.com'])
  expect(headers.get('subject')).toBe('hello.load[2] failed: Failed on the last try: a < b.')
  expect(headers.get('idempotency-key')).toBe('0193-alert')
  expect(body).toContain('<p>Failed on the last try: a &lt; b.</p>')
  expect(body).toContain('<a href="https://baram.example/dags/hello">')
  expect(body).toContain('<td>2026-03-01 09:00:00 Asia/Seoul to 2026-03-01 10:00:00 Asia/Seoul</td>')
  expect(body).toContain('<td>load [2]</td>')
})

it('is one line in its subject, however long the reason is', async () => {
  const { headers } = await receive({}, { ...ALERT, text: `a\nb ${'x'.repeat(500)}` })
  expect(headers.get('subject')).toMatch(/^a b x{145,146}…$|^=\?/)
})

it('says what its author makes of it', async () => {
  const { headers, body } = await receive({
    subject: ({ dagId }) => `late: ${dagId}`,
    htmlContent: () => '<b>look</b>',
  })
  expect([headers.get('subject'), body.includes('<b>look</b>')]).toEqual(['late: hello', true])
})

it.each([
  [{ to: [] }, 'to is empty'],
  [{}, 'to must be addresses'],
  [{ to: 'a@b.kr', subject: 'text' }, 'must be functions of the alert'],
])('%j is refused while the DAG is read', (options, message) => {
  expect(() => emailAlert(options as unknown as EmailAlertOptions)).toThrow(message)
})
