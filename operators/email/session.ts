// One conversation with a mail server: connected (again, if that fails), signed in, one message, always closed.

import type SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { SMTPConnectionSendInfo, SMTPEnvelope } from 'nodemailer/lib/smtp-connection'
import type { SmtpSettings } from './connection.ts'

/** Mail that was not handed in. Retries apply. */
export class EmailError extends Error {
  override readonly name = 'EmailError'
  /** The server's answer, such as 535; null when it was none. */
  readonly responseCode: number | null
  constructor(message: string, options?: ErrorOptions & { readonly responseCode?: number | undefined }) {
    super(message, options)
    this.responseCode = options?.responseCode ?? null
  }
}

/** What nodemailer hands to its callbacks. */
interface Fault extends Error {
  readonly code?: string | undefined
  readonly responseCode?: number | undefined
}

type Done<T> = (error?: Fault | null, value?: T) => void

/** Worth another try: there is no server yet, or it is busy (4xx), and nothing was said. */
function isWorthAnotherTry(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code = '', responseCode = 0 }: Fault = error
  return ['ECONNECTION', 'ETIMEDOUT', 'ESOCKET', 'EDNS'].includes(code) || Math.floor(responseCode / 100) === 4
}

/** One step of the conversation: it ends with its answer, with the connection, or with the attempt. */
function step<T>(connection: SMTPConnection, signal: AbortSignal, begin: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      connection.off('error', fail)
      signal.removeEventListener('abort', stop)
      settle()
    }
    const fail = (error: Error) => end(() => reject(error))
    const stop = () => {
      end(() => reject(signal.reason as Error))
      connection.close()
    }
    connection.on('error', fail)
    signal.addEventListener('abort', stop, { once: true })
    // Without an error the value is there: what the step is about says which.
    begin((error, value) => (error ? fail(error) : end(() => resolve(value as T))))
  })
}

function hintOf(settings: SmtpSettings, fault: Fault): string {
  if (settings.security === 'starttls' && fault.code === 'ETLS')
    return ' (STARTTLS is required: extra.disable_tls hands mail in unencrypted)'
  if (settings.security === 'tls' && /wrong version number|packet length too long/i.test(fault.message))
    return ' (the server does not speak TLS from the start: extra.disable_ssl uses STARTTLS instead)'
  if (/self-signed|certificate/i.test(fault.message))
    return ' (extra.ssl_context "none" does not look at the certificate)'
  return ''
}

function explained(settings: SmtpSettings, what: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const fault: Fault = error
  const where = `${settings.host}:${settings.port}`
  return new EmailError(`connection ${settings.connId}: ${what} ${where}: ${fault.message}${hintOf(settings, fault)}`, {
    cause: error,
    responseCode: fault.responseCode,
  })
}

async function connectOnce(settings: SmtpSettings, signal: AbortSignal): Promise<SMTPConnection> {
  // Most tasks send no mail: loaded when one does.
  const { default: Connection } = await import('nodemailer/lib/smtp-connection')
  const { host, port, security, timeoutMs, isVerified } = settings
  const connection = new Connection({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { rejectUnauthorized: isVerified },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // A mail server of this host may listen on the loopback address only.
    allowInternalNetworkInterfaces: true,
  })
  // An error between two steps fails the next one; without a listener it would end the process.
  connection.on('error', () => undefined)
  try {
    await step<void>(connection, signal, (done) => connection.connect(done))
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

async function connect(settings: SmtpSettings, signal: AbortSignal): Promise<SMTPConnection> {
  for (let tried = 0; ; tried += 1) {
    try {
      return await connectOnce(settings, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!isWorthAnotherTry(error) || tried >= settings.retryLimit)
        throw explained(settings, 'there is no connection to', error)
    }
  }
}

/**
 * Hands in one message. It is sent once: a message whose answer was lost may have arrived.
 * @throws EmailError when the server takes it for none of the recipients
 */
export async function handIn(
  settings: SmtpSettings,
  signal: AbortSignal,
  envelope: SMTPEnvelope,
  message: Buffer,
): Promise<SMTPConnectionSendInfo> {
  signal.throwIfAborted()
  const connection = await connect(settings, signal)
  const told = async <T>(what: string, begin: (done: Done<T>) => void): Promise<T> => {
    try {
      return await step(connection, signal, begin)
    } catch (error) {
      signal.throwIfAborted()
      throw explained(settings, what, error)
    }
  }
  try {
    const { login } = settings
    if (login !== null) await told(`login ${login.user} was refused by`, (done) => connection.login({ ...login }, done))
    const info = await told<SMTPConnectionSendInfo>('the mail was not taken by', (done) =>
      connection.send(envelope, message, done),
    )
    connection.quit()
    return info
  } catch (error) {
    connection.close()
    throw error
  }
}
