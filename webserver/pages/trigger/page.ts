// Triggering by hand: the run's configuration as a form and as JSON, its dates, and the command and call that do the same.

import type { Request, Response } from 'express'
import { BaramError } from '../../../core/errors.ts'
import { parseExactJson } from '../../../core/exact-json.ts'
import type { JsonObject } from '../../../core/json.ts'
import { zoneName } from '../../../core/times.ts'
import { maskStoredSecrets } from '../../../engine/admin/stored-secrets.ts'
import { triggerRun } from '../../../engine/runs/create.ts'
import { insertAudit } from '../../../store/postgres/audit.ts'
import { whoIs } from '../../auth/guard.ts'
import type { Web } from '../../deps.ts'
import { parseDate, Query } from '../../http/query.ts'
import { loadBasics } from '../dag/head/basics.ts'
import { headView } from '../dag/head/view.ts'
import { instantOf } from '../forms/zoned.ts'
import { flash } from '../frame/flash.ts'
import { dagCrumbs, dagPath, withQuery } from '../frame/links.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { defaultsOf, type ParamFault, paramFields, readFaults } from './param-fields.ts'

export const DRAFT_FIELDS = ['conf', 'run_id', 'note', 'logical_date', 'interval_start', 'interval_end'] as const
export type TriggerDraft = Readonly<Record<(typeof DRAFT_FIELDS)[number], string>>

export interface TriggerFault {
  readonly field: 'conf' | 'run_id' | 'note' | 'logical_date' | 'interval'
  readonly text: string
}

interface Faults {
  readonly fields: readonly TriggerFault[]
  readonly params: readonly ParamFault[]
}
const NO_FAULTS: Faults = { fields: [], params: [] }

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The object that a text of JSON holds, or why it is none. */
export function readConf(text: string): { conf: JsonObject } | { fault: string } {
  if (text.trim() === '') return { conf: {} }
  try {
    const value: unknown = parseExactJson(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      // Proven an object that JSON.parse made.
      return { conf: value as JsonObject }
    return { fault: 'The configuration must be a JSON object, such as {"day": "2026-01-05"}.' }
  } catch (error) {
    return { fault: `This is no JSON yet: ${error instanceof Error ? error.message : 'it cannot be read'}.` }
  }
}

const pretty = (conf: JsonObject): string => JSON.stringify(conf, null, 2)

/** What the configuration begins with: the DAG's defaults, and over them what the address brings. */
function firstConf(defaults: JsonObject, asked: string | undefined): string {
  const read = asked === undefined ? null : readConf(asked)
  if (read === null) return pretty(defaults)
  return 'fault' in read ? (asked ?? '') : pretty({ ...defaults, ...read.conf })
}

export async function triggerPage(
  web: Web,
  req: Request,
  draft: TriggerDraft | null,
  faults: Faults = NO_FAULTS,
): Promise<PageView> {
  const now = Date.now()
  const dagId = String(req.params['dag_id'] ?? '')
  const basics = await loadBasics(web, dagId)
  const { dag } = basics.graph
  const conf = draft?.conf ?? firstConf(defaultsOf(dag), new Query(req).text('conf'))
  const read = readConf(conf)
  const oneLine = JSON.stringify('conf' in read ? read.conf : {})
  const origin = `http://${req.headers.host ?? 'localhost'}`
  const params = paramFields(dag, faults.params)
  const names = new Set(params.map((param) => param.name))
  const faultOf = (field: TriggerFault['field']) => faults.fields.find((fault) => fault.field === field)?.text ?? null
  const curlStart = `curl -X POST ${origin}/api/v2/dags/${encodeURIComponent(dagId)}/dagRuns -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d `
  return {
    place: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Trigger', href: '' }),
    sentence: say('Trigger {dag}', { dag: dagId }, 'dag'),
    scripts: ['trigger.js'],
    zone: zoneName(dag.timezone, now),
    view: {
      ...headView(basics, 'grid', null, now),
      hasParams: params.length > 0,
      params,
      zone: dag.timezone,
      zoneName: zoneName(dag.timezone, now),
      conf,
      confRows: Math.min(24, Math.max(6, conf.split('\n').length + 1)),
      runId: draft?.run_id ?? '',
      note: draft?.note ?? '',
      logicalDate: draft?.logical_date ?? '',
      intervalStart: draft?.interval_start ?? '',
      intervalEnd: draft?.interval_end ?? '',
      fault: faultOf('conf'),
      // The JSON view tells the faults of params in one place, for it has no fields.
      paramFaults: faults.params.map(({ name, text }) => ({ name, text, isLost: name === null || !names.has(name) })),
      runIdFault: faultOf('run_id'),
      noteFault: faultOf('note'),
      logicalDateFault: faultOf('logical_date'),
      intervalFault: faultOf('interval'),
      command: `dagctl trigger ${dagId}${oneLine === '{}' ? '' : ` --conf ${quote(oneLine)}`}`,
      commandStart: `dagctl trigger ${dagId}`,
      curl: `${curlStart}${quote(`{"conf": ${oneLine}}`)}`,
      curlStart,
    },
  }
}

/** A time as written: with an offset as it is, without one in the DAG's zone. */
function readTime(text: string, zone: string): number | null | 'bad' {
  const trimmed = text.trim()
  if (trimmed === '') return null
  return instantOf(trimmed, zone) ?? parseDate(trimmed) ?? 'bad'
}

const BAD_TIME = 'This is no date with a time, such as 2026-01-05T09:00.'

/** The dates of the draft, or what is wrong with them. */
export function readDates(draft: TriggerDraft, zone: string) {
  const faults: TriggerFault[] = []
  const [logicalDate, start, end] = [draft.logical_date, draft.interval_start, draft.interval_end].map((text) =>
    readTime(text, zone),
  )
  if (logicalDate === 'bad') faults.push({ field: 'logical_date', text: BAD_TIME })
  if (start === 'bad' || end === 'bad') faults.push({ field: 'interval', text: BAD_TIME })
  else if ((start === null) !== (end === null))
    faults.push({ field: 'interval', text: 'A data interval needs both ends, or neither.' })
  else if (typeof start === 'number' && typeof end === 'number' && start > end)
    faults.push({ field: 'interval', text: 'The interval must not end before it starts.' })
  const dataInterval = typeof start === 'number' && typeof end === 'number' ? { start, end } : null
  return { faults, logicalDate: typeof logicalDate === 'number' ? logicalDate : null, dataInterval }
}

/** A sentence for each param that was refused. */
function linesOf({ details, message }: BaramError): string[] {
  const faults = details['faults']
  if (Array.isArray(faults)) return faults.filter((line): line is string => typeof line === 'string')
  return message.split('\n').filter((line) => line.trim() !== '')
}

/** The engine's refusal, at the field it is about. */
function faultsOf(error: unknown): Faults {
  if (!(error instanceof BaramError) || error.code === 'DATABASE_UNAVAILABLE') throw error
  if (error.code === 'PARAMS_INVALID') return { fields: [], params: readFaults(linesOf(error)) }
  const field = /run id/.test(error.message) ? 'run_id' : 'conf'
  return { fields: [{ field, text: error.message }], params: [] }
}

const orNull = (text: string): string | null => (text.trim() === '' ? null : text.trim())

/** Null when the run was made and the browser sent to it; else the form again, with the faults. */
export async function postTrigger(
  web: Web,
  req: Request,
  res: Response,
  draft: TriggerDraft,
): Promise<PageView | null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const who = whoIs(req)
  const read = readConf(draft.conf)
  const { graph } = await loadBasics(web, dagId)
  const dates = readDates(draft, graph.dag.timezone)
  const fields: TriggerFault[] = [...dates.faults]
  if ('fault' in read) fields.push({ field: 'conf', text: read.fault })
  if (draft.note.length > 1000) fields.push({ field: 'note', text: 'The note has more than 1,000 characters.' })
  if (fields.length > 0 || 'fault' in read) return triggerPage(web, req, draft, { fields, params: [] })
  const { logicalDate, dataInterval } = dates
  const request = {
    dagId,
    runId: orNull(draft.run_id),
    logicalDate,
    dataInterval,
    conf: read.conf,
    note: orNull(await maskStoredSecrets(web.vault, draft.note)),
    triggeredBy: 'ui' as const,
    user: who.username,
  }
  try {
    const { runId } = await triggerRun(web.database, web.boards, request, (tx, run) =>
      insertAudit(tx, { event: 'dag_run.trigger', owner: who.username, dagId, runId: run.runId }),
    )
    flash(res, 'triggered', dagId)
    res.redirect(303, withQuery(dagPath(dagId), { run: runId }))
    return null
  } catch (error) {
    return triggerPage(web, req, draft, faultsOf(error))
  }
}
