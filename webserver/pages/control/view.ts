// What the pages of clear, mark and delete share: the scope that was asked for, the preview, and how they look.

import { createHash } from 'node:crypto'
import type { Request } from 'express'
import { BaramError } from '../../../core/errors.ts'
import { moment, zoneName } from '../../../core/times.ts'
import { getRun, type RunListRow } from '../../../store/postgres/read-runs.ts'
import type { TouchedInstance } from '../../../store/postgres/run-control.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/errors.ts'
import { formField } from '../forms/form-field.ts'
import { dagCrumbs, dagPath, withQuery } from '../frame/links.ts'
import type { PageView } from '../frame/page-view.ts'
import type { Part } from '../frame/sentence.ts'

/** What a page was asked for: the address' query, or the form's fields. */
export type Asked = (name: string) => string

export const fromQuery =
  (req: Request): Asked =>
  (name) => {
    const value = req.query[name]
    return typeof value === 'string' ? value : ''
  }
export const fromForm =
  (req: Request): Asked =>
  (name) =>
    formField(req.body, name)

/** Instances a page lists unless asked for all. */
const FEW = 50

export interface Scope {
  readonly name: string
  readonly text: string
  readonly isOn: boolean
}

/** One page of the kind, whatever the verb. */
export interface Control {
  readonly verb: string
  readonly path: string
  readonly back: string
  readonly title: readonly Part[]
  readonly button: string
  readonly isDanger: boolean
  readonly scopes: readonly Scope[]
  readonly choices: readonly { readonly value: string; readonly isOn: boolean }[]
  readonly touched: readonly (TouchedInstance & { readonly becomes: string | null })[]
  readonly notes: readonly string[]
  readonly command: string
  /** Fields that come back with the form. */
  readonly keep: Readonly<Record<string, string>>
}

/** Changes when anything that would be touched does. */
export const stampOf = (touched: readonly TouchedInstance[]): string =>
  createHash('sha256')
    .update(touched.map((row) => `${row.id}:${row.state ?? ''}`).join())
    .digest('hex')
    .slice(0, 16)

/** The fields of the scope as it stands: what asks for the same again. */
function hereOf(control: Control): Readonly<Record<string, string>> {
  const here: Record<string, string> = { ...control.keep }
  for (const { name, isOn } of control.scopes) if (isOn) here[name] = '1'
  for (const { value, isOn } of control.choices) if (isOn) here['to'] = value
  return here
}

const pairsOf = (fields: Readonly<Record<string, string>>) =>
  Object.entries(fields).map(([key, value]) => ({ key, value }))

function rowView(row: Control['touched'][number], dagId: string, zone: string, now: number) {
  const at = row.logicalDate
  return {
    run: at === null ? row.runId : `${moment(at, zone, now)} ${zoneName(zone, at)}`,
    runId: row.runId,
    href: withQuery(dagPath(dagId), { run: row.runId }),
    task: row.mapIndex < 0 ? row.taskId : `${row.taskId} [${row.mapIndex}]`,
    state: row.state,
    becomes: row.becomes,
  }
}

export function shown(dagId: string, zone: string, control: Control, asked: Asked, why: string | null): PageView {
  const now = Date.now()
  const rows = asked('all') === '1' ? control.touched : control.touched.slice(0, FEW)
  const here = hereOf(control)
  return {
    section: 'dags',
    crumbs: dagCrumbs(dagId, { text: control.verb, href: '' }),
    sentence: control.title,
    zone: zoneName(zone, now),
    view: {
      ...control,
      keep: pairsOf(control.keep),
      here: pairsOf(here),
      why,
      stamp: stampOf(control.touched),
      isEmpty: control.touched.length === 0,
      hasForm: control.scopes.length + control.choices.length > 0,
      hasBecomes: rows.some((row) => row.becomes !== null),
      rows: rows.map((row) => rowView(row, dagId, zone, now)),
      more: control.touched.length - rows.length,
      all: withQuery(control.path, { ...here, all: '1' }),
    },
  }
}

export const SCOPES = [
  ['upstream', 'tasks before it'],
  ['downstream', 'tasks behind it'],
  ['past', 'earlier runs'],
  ['future', 'later runs'],
] as const
export const FILTERS = [
  ['only_failed', 'failed only'],
  ['only_running', 'running only'],
  ['latest', 'with the latest version'],
] as const

export const scopesOf = (asked: Asked, names: readonly (readonly [string, string])[]): Scope[] =>
  names.map(([name, text]) => ({ name, text, isOn: asked(name) === '1' }))

export const flagsOf = (scopes: readonly Scope[], of: Readonly<Record<string, string>>): string =>
  scopes.flatMap(({ name, isOn }) => (isOn && of[name] !== undefined ? [` ${of[name]}`] : [])).join('')

export const CLEAR_FLAGS: Readonly<Record<string, string>> = {
  upstream: '--upstream',
  downstream: '--downstream',
  past: '--past',
  future: '--future',
  only_failed: '--only-failed',
  only_running: '--only-running',
  latest: '--run-on-latest-version',
}

export async function requireRun(web: Web, dagId: string, runId: string): Promise<RunListRow> {
  const run = await getRun(web.database, dagId, runId)
  if (run === null) throw notFound(`There is no run ${runId} of ${dagId}.`)
  return run
}

export const mapIndexOf = (asked: Asked): number | null =>
  /^\d{1,9}$/.test(asked('map_index')) ? Number(asked('map_index')) : null

export function backTo(dagId: string, asked: Asked): string {
  return withQuery(dagPath(dagId), { run: asked('run'), task: asked('task') })
}

export const keepOf = (asked: Asked): Record<string, string> => {
  const kept: Record<string, string> = {}
  for (const name of ['run', 'task', 'map_index']) if (asked(name) !== '') kept[name] = asked(name)
  return kept
}

export function withIndex(asked: Asked): string {
  const index = mapIndexOf(asked)
  return index === null ? '' : ` --map-index ${index}`
}

/** Told when what was looked at is no longer what would be done. */
export const CHANGED = 'This has changed since you looked. This is how it is now.'

/** The engine's refusal as a sentence on the page. */
export function refusal(error: unknown): string {
  if (error instanceof BaramError && ['CONFLICT', 'REFUSED', 'INPUT_INVALID'].includes(error.code)) return error.message
  throw error
}
