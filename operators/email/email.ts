// Mail as a task: Airflow's EmailOperator.

import { defineOperator, FailTask, type NotifierContext, type Operator } from '../../sdk/index.ts'
import { ConnectionUnusableError } from '../connection.ts'
import { smtpSettings } from './connection.ts'
import { type MessageOptions, makeMessage } from './message.ts'
import { handIn } from './session.ts'

export interface EmailOptions extends MessageOptions {
  /** Connection of type smtp (template). Default `smtp_default`. */
  readonly connId?: string
  /** Who it is from (template). Default: `extra.from_email` of the connection. */
  readonly fromEmail?: string
}

const DEFAULT = 'smtp_default'

/** @throws Error while the DAG is read */
function checkOptions({ to, subject, htmlContent, files }: EmailOptions): void {
  if (to.length === 0) throw new Error('email: to is empty')
  if (typeof subject !== 'string') throw new Error('email: subject must be a text')
  if (typeof htmlContent !== 'string') throw new Error('email: htmlContent must be a text')
  if (files !== undefined && !Array.isArray(files)) throw new Error('email: files must be a list of paths')
}

/**
 * Sends one mail over a connection of type smtp. It succeeds once the server has taken it for all recipients. Refused
 * for all of them it fails, and retries apply; refused for some it fails without a retry, since the others have it. A
 * line break in a subject, an address or a header is refused.
 *
 * A task that is killed while the server answers sends its mail again when it is tried again.
 * `TArgs`: the task's inputs, for templates.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function email<TArgs extends object = Record<never, never>>(options: EmailOptions): Operator<TArgs, undefined> {
  checkOptions(options)
  return defineOperator<TArgs, undefined, EmailOptions>({
    name: 'EmailOperator',
    options: { connId: DEFAULT, ...options },
    templateFields: [
      ...(['to', 'cc', 'bcc', 'subject', 'htmlContent', 'text'] as const),
      ...(['files', 'customHeaders', 'fromEmail', 'connId'] as const),
    ],
    async execute(op, _args, rendered) {
      await sendMail(op, rendered)
      return undefined
    },
  })
}

/** Hands in one mail. @throws FailTask for what cannot be sent, EmailError, ConnectionUnusableError */
export async function sendMail(op: NotifierContext, rendered: EmailOptions): Promise<void> {
  const settings = await smtpSettings(op, rendered.connId ?? DEFAULT)
  const fromEmail = rendered.fromEmail ?? settings.fromEmail
  if (fromEmail === null)
    throw new ConnectionUnusableError(
      settings.connId,
      'nobody says who the mail is from: give fromEmail, or extra {"from_email": "a@example.com"}',
    )
  const { envelope, bytes, messageId } = await makeMessage(rendered, fromEmail)
  if (settings.login !== null && settings.security === 'none')
    op.log.warn({ host: settings.host }, 'the password is sent unencrypted')
  op.log.info({ recipients: envelope.to, bytes: bytes.length, messageId }, 'handing in the mail')
  const info = await handIn(settings, op.signal, envelope, bytes)
  op.log.info({ accepted: info.accepted, response: info.response }, 'the server has taken the mail')
  if (info.rejected.length > 0) {
    const why = (info.rejectedErrors ?? []).map(({ message }) => message).join('; ')
    throw new FailTask(
      `the server refused ${info.rejected.join(', ')} (${why}); the mail went to the others, ` +
        'so it is not sent again',
    )
  }
}
