// What the pages' forms do. Each answers with a redirect to the page that shows the change, or the form with its faults.

import type { Request, Response } from 'express'
import { BaramError } from '../../../core/errors.ts'
import { MASK } from '../../../core/secret-names.ts'
import { pauseDag } from '../../../engine/dags/sync.ts'
import { insertAudit } from '../../../store/postgres/audit.ts'
import { localPath } from '../../api/index.ts'
import { whoIs } from '../../auth/guard.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/errors.ts'
import { fieldFault } from '../forms/field-rules.ts'
import { formField } from '../forms/form-field.ts'
import { flash } from '../frame/flash.ts'
import { dagPath } from '../frame/links.ts'
import type { PageView } from '../frame/page-view.ts'
import { type ConnectionDraft, connectionForm, type FormFault, variableForm } from '../variables/page.ts'

/** Back to the page the form stood on: its own field, since the referrer may be cut. */
const back = (req: Request, fallback: string): string => {
  const here = formField(req.body, 'here')
  return here === '' ? fallback : localPath(here)
}

export async function postPause(web: Web, req: Request, res: Response): Promise<null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const isPaused = formField(req.body, 'is_paused') === 'true'
  const { username } = whoIs(req)
  await pauseDag(web.database, web.boards, dagId, isPaused, (tx) =>
    insertAudit(tx, { event: isPaused ? 'dag.pause' : 'dag.unpause', owner: username, dagId }),
  )
  flash(res, isPaused ? 'paused' : 'unpaused', dagId)
  res.redirect(303, back(req, dagPath(dagId)))
  return null
}

/** The engine's refusal as a fault of the field it is about. */
function faultOf(error: unknown, field: string): FormFault[] {
  if (error instanceof BaramError && ['CONFLICT', 'INPUT_INVALID'].includes(error.code))
    return [{ field, text: `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.` }]
  throw error
}

export async function postVariable(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const original = formField(req.body, 'original')
  const isNew = original === ''
  const key = isNew ? formField(req.body, 'key').trim() : original
  const given = formField(req.body, 'value')
  const description = formField(req.body, 'description').trim()
  const draft = { key, value: given, description }
  const again = (faults: FormFault[]) => variableForm(web, isNew ? null : original, draft, faults)
  if (key === '') return again([{ field: 'key', text: 'A variable needs a key.' }])
  const known = isNew ? null : await web.vault.findVariable(key)
  if (!isNew && known === null) throw notFound(`There is no variable ${key}.`)
  // A secret's field arrives empty unless it is being replaced.
  const value = known?.isSensitive === true && given === '' ? MASK : given
  try {
    await web.vault.setVariable(key, value, description === '' ? null : description, whoIs(req).username, {
      existing: isNew ? 'fail' : 'overwrite',
    })
  } catch (error) {
    return again(faultOf(error, 'key'))
  }
  flash(res, 'variable-saved', key)
  res.redirect(303, '/variables')
  return null
}

export async function deleteVariable(web: Web, req: Request, res: Response): Promise<null> {
  const key = formField(req.body, 'key')
  if (!(await web.vault.deleteVariable(key, whoIs(req).username))) throw notFound(`There is no variable ${key}.`)
  flash(res, 'variable-deleted', key)
  res.redirect(303, '/variables')
  return null
}

/** Fields with a rule of their own. */
const RULED = { id: 'connection-id', port: 'port', extra: 'json-object' } as const

function checkConnection(draft: ConnectionDraft): FormFault[] {
  const faults = Object.entries(RULED).flatMap(([field, rule]) => {
    const text = fieldFault(rule, draft[field as keyof typeof RULED])
    return text === null ? [] : [{ field, text }]
  })
  return draft.kind === '' ? [...faults, { field: 'kind', text: 'A connection needs a kind.' }] : faults
}

const orNull = (text: string): string | null => (text === '' ? null : text)

export async function postConnection(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const original = formField(req.body, 'original')
  const isNew = original === ''
  const text = (name: string) => formField(req.body, name).trim()
  const draft: ConnectionDraft = {
    id: isNew ? text('id') : original,
    kind: text('kind'),
    host: text('host'),
    port: text('port'),
    login: text('login'),
    schema: text('schema'),
    extra: text('extra'),
    description: text('description'),
  }
  const again = (faults: FormFault[]) => connectionForm(web, isNew ? null : original, draft, faults)
  const faults = checkConnection(draft)
  if (faults.length > 0) return again(faults)
  const password = formField(req.body, 'password')
  // An empty field keeps what is set; taking a password away is its own choice.
  const removes = formField(req.body, 'remove_password') === 'true'
  try {
    await web.vault.setConnection(
      {
        connId: draft.id,
        connType: draft.kind,
        description: orNull(draft.description),
        host: orNull(draft.host),
        schema: orNull(draft.schema),
        login: orNull(draft.login),
        port: draft.port === '' ? null : Number(draft.port),
        password: removes ? null : password === '' ? (isNew ? null : MASK) : password,
        extra: orNull(draft.extra),
      },
      whoIs(req).username,
      isNew ? 'fail' : 'overwrite',
    )
  } catch (error) {
    return again(faultOf(error, 'id'))
  }
  flash(res, 'connection-saved', draft.id)
  res.redirect(303, '/connections')
  return null
}

export async function deleteConnection(web: Web, req: Request, res: Response): Promise<null> {
  const id = formField(req.body, 'id')
  if (!(await web.vault.deleteConnection(id, whoIs(req).username))) throw notFound(`There is no connection ${id}.`)
  flash(res, 'connection-deleted', id)
  res.redirect(303, '/connections')
  return null
}
