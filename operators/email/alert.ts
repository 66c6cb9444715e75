// Alerts by mail: who is told of a failure without a chat.

import { type Alert, defineNotifier, type Notifier } from '../../sdk/index.ts'
import { type EmailOptions, sendMail } from './email.ts'

export interface EmailAlertOptions extends Pick<EmailOptions, 'to' | 'cc' | 'bcc' | 'connId' | 'fromEmail'> {
  /** One line, made of the alert. Default: its text, cut. */
  readonly subject?: (alert: Alert) => string
  /** HTML, made of the alert: escape what is not yours. Default: a table of what it says. */
  readonly htmlContent?: (alert: Alert) => string
}

/** A subject is one line, and mail readers show little of it. */
const MOST_SUBJECT = 150

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign)

const subjectOf = ({ text }: Alert): string => {
  const line = text.replace(/\s+/g, ' ')
  return line.length <= MOST_SUBJECT ? line : `${line.slice(0, MOST_SUBJECT - 1)}…`
}

/** Instants in the DAG's zone, with its name. */
function inZone(at: Date, zone: string): string {
  return `${at.toLocaleString('sv-SE', { timeZone: zone })} ${zone}`
}

function rowsOf(alert: Alert): readonly (readonly [string, string | null])[] {
  const { dataInterval, timezone: zone, tryNumber, mapIndex, deadline } = alert
  return [
    ['DAG', alert.dagId],
    ['Run', alert.runId],
    ['Task', alert.taskId === null ? null : `${alert.taskId}${mapIndex < 0 ? '' : ` [${mapIndex}]`}`],
    ['Try', tryNumber === null ? null : String(tryNumber)],
    [
      'Interval',
      dataInterval === null ? null : `${inZone(dataInterval.start, zone)} to ${inZone(dataInterval.end, zone)}`,
    ],
    ['Deadline', deadline === null ? null : inZone(deadline, zone)],
    ['When', inZone(alert.at, zone)],
  ]
}

function htmlOf(alert: Alert): string {
  const rows = rowsOf(alert).flatMap(([name, value]) =>
    value === null ? [] : [`<tr><td>${name}</td><td>${escapeHtml(value)}</td></tr>`],
  )
  const link = alert.url === null ? '' : `<p><a href="${escapeHtml(alert.url)}">${escapeHtml(alert.url)}</a></p>`
  return `<p>${escapeHtml(alert.reason)}</p>${link}<table>${rows.join('')}</table>`
}

/**
 * Sends an alert as a mail over a connection of type smtp, with its `id` as the header `Idempotency-Key`. Each mail is sent at
 * least once: one whose answer was lost is sent again.
 * @throws Error while the DAG is read, for options that cannot be
 */
export function emailAlert({ subject = subjectOf, htmlContent = htmlOf, ...where }: EmailAlertOptions): Notifier {
  if (typeof where.to !== 'string' && !Array.isArray(where.to)) throw new Error('emailAlert: to must be addresses')
  if (where.to.length === 0) throw new Error('emailAlert: to is empty')
  if (typeof subject !== 'function' || typeof htmlContent !== 'function')
    throw new Error('emailAlert: subject and htmlContent must be functions of the alert')
  return defineNotifier({
    kind: 'email',
    notify: (op, alert) =>
      sendMail(op, {
        ...where,
        subject: subject(alert),
        htmlContent: htmlContent(alert),
        text: alert.url === null ? alert.text : `${alert.text}\n${alert.url}`,
        customHeaders: { 'Idempotency-Key': alert.id },
      }),
  })
}
