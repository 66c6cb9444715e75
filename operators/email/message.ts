// A message made of a task's options: everything in it checked before a server is spoken to.

import { readFile } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'
import type { MimeNodeEnvelope } from 'nodemailer/lib/mime-node'
import { FailTask } from '../../sdk/index.ts'
import { EmailError } from './session.ts'

export interface MessageOptions {
  /**
   * Recipients (template): one address, several with commas or semicolons, or a list of one each. `a@b.kr` or
   * `Name <a@b.kr>`.
   */
  readonly to: string | readonly string[]
  /** Recipients of a copy (template), as `to`. Default: none. */
  readonly cc?: string | readonly string[]
  /** Recipients that the others do not see (template), as `to`. Default: none. */
  readonly bcc?: string | readonly string[]
  /** One line (template). */
  readonly subject: string
  /** HTML (template). A value of a template is put in as it is: escape what is not yours. */
  readonly htmlContent: string
  /** The same as plain text (template), for readers without HTML. Default: none. */
  readonly text?: string
  /** Files of the worker's host to attach, by absolute path (template). Default: none. */
  readonly files?: readonly string[]
  /** Headers of your own (template, the values). Default: none. */
  readonly customHeaders?: Readonly<Record<string, string>>
}

interface Mailbox {
  readonly name: string
  readonly address: string
}

export interface Message {
  readonly envelope: MimeNodeEnvelope & { readonly size: number }
  readonly bytes: Buffer
  readonly messageId: string
}

const ADDRESS = /^[^\s@<>(),;:"]+@[^\s@<>(),;:"]+$/

/** A header ends with its line: what holds another line could add headers, recipients or a body. @throws FailTask */
function oneLine(field: string, value: unknown): string {
  if (typeof value !== 'string') throw new FailTask(`${field} must be a text, found ${JSON.stringify(value)}`)
  if (/[\r\n\0]/.test(value))
    throw new FailTask(`${field} holds a line break, which could add headers to the mail: ${JSON.stringify(value)}`)
  return value
}

/** Rendered values may be any JSON where the DAG renders native objects. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

type Parse = (text: string) => readonly Mailbox[]

function mailboxes(parse: Parse, field: string, given: string): readonly Mailbox[] {
  const found = parse(oneLine(field, given)).filter(({ name, address }) => name !== '' || address !== '')
  for (const { address } of found)
    if (!ADDRESS.test(address)) throw new FailTask(`${field} holds no mail address in ${JSON.stringify(given)}`)
  return found
}

/** A list has one address an item, so that a value of a template cannot bring others along. */
function recipients(parse: Parse, field: string, given: string | readonly string[] | undefined): readonly Mailbox[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) return mailboxes(parse, field, given as string)
  return given.flatMap((item, i) => {
    const found = mailboxes(parse, `${field}[${i}]`, item as string)
    if (found.length !== 1) throw new FailTask(`${field}[${i}] must be one mail address, found ${JSON.stringify(item)}`)
    return found
  })
}

/** Read before the server is spoken to: what is missing is told before anything was said. */
async function attachment(path: string): Promise<{ filename: string; content: Buffer }> {
  const filename = basename(oneLine('files', path))
  if (!isAbsolute(path)) throw new FailTask(`files: ${path} must be an absolute path`)
  try {
    return { filename, content: await readFile(path) }
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new EmailError(`files: ${path} cannot be read on this host (${why})`, { cause })
  }
}

/** @throws FailTask for what cannot be sent, EmailError for a file that cannot be read */
export async function makeMessage(options: MessageOptions, fromEmail: string): Promise<Message> {
  const { default: addressparser } = await import('nodemailer/lib/addressparser')
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const parse: Parse = (text) => addressparser(text, { flatten: true })
  const [from, ...others] = mailboxes(parse, 'fromEmail', fromEmail)
  if (from === undefined || others.length > 0)
    throw new FailTask(`fromEmail must be one mail address, found ${JSON.stringify(fromEmail)}`)
  const [to, cc, bcc] = (['to', 'cc', 'bcc'] as const).map((field) => recipients(parse, field, options[field]))
  if ([to, cc, bcc].every((list) => list?.length === 0)) throw new FailTask('the mail has no recipient: to is empty')
  const { subject, htmlContent, text, files = [], customHeaders = {} } = options
  const mail = new MailComposer({
    from,
    to: [...(to ?? [])],
    cc: [...(cc ?? [])],
    bcc: [...(bcc ?? [])],
    subject: oneLine('subject', subject),
    html: textOf(htmlContent),
    ...(text !== undefined && { text: textOf(text) }),
    attachments: await Promise.all(files.map(attachment)),
    headers: Object.entries(customHeaders).map(([key, value]) => ({
      key: oneLine('customHeaders', key),
      value: oneLine(`customHeaders.${key}`, value),
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'win',
  }).compile()
  const bytes = await mail.build()
  return { envelope: { ...mail.getEnvelope(), size: bytes.length }, bytes, messageId: mail.messageId() }
}
