// A connection's form. A password is never shown: its field replaces it.

import type { Request, Response } from 'express'
import { MASK } from '../../../core/masker.ts'
import { deleteConnection, setConnection } from '../../../engine/admin/connections.ts'
import type { Connection, Vault } from '../../../engine/admin/vault.ts'
import { actorOf } from '../../auth/guard.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/api-error.ts'
import { fieldFault } from '../forms/field-rules.ts'
import { type FormFault, faultsByField, refusalAt } from '../forms/form-fault.ts'
import { emptyAsNull, formField } from '../forms/form-field.ts'
import { flash } from '../frame/flash.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { KINDS } from './kinds.ts'

interface ConnectionDraft {
  readonly id: string
  readonly kind: string
  readonly host: string
  readonly port: string
  readonly login: string
  readonly schema: string
  readonly extra: string
  readonly description: string
}

const draftOf = (vault: Vault, connection: Connection): ConnectionDraft => ({
  id: connection.connId,
  kind: connection.connType,
  host: connection.host ?? '',
  port: connection.port === null ? '' : String(connection.port),
  login: connection.login ?? '',
  schema: connection.schema ?? '',
  extra: vault.shownExtra(connection.extra) ?? '',
  description: connection.description ?? '',
})

const EMPTY: ConnectionDraft = {
  id: '',
  kind: 'http',
  host: '',
  port: '',
  login: '',
  schema: '',
  extra: '',
  description: '',
}

/** The kinds to choose from, and the connection's own if it is none of them. */
function kindsView(kind: string) {
  const isKnown = KINDS.some(({ type }) => type === kind)
  const kinds = isKnown ? KINDS : [...KINDS, { type: kind, name: kind, port: 0 }]
  return kinds.map(({ type, name, port }) => ({ type, name, port, isCurrent: type === kind }))
}

export async function connectionForm(
  web: Web,
  id: string | null,
  draft: ConnectionDraft | null,
  faults: readonly FormFault[],
): Promise<PageView> {
  const known = id === null ? null : await web.vault.findConnection(id)
  if (id !== null && known === null) throw notFound(`There is no connection ${id}.`)
  const shown = draft ?? (known === null ? EMPTY : draftOf(web.vault, known))
  return {
    section: 'connections',
    crumbs: [
      { text: 'Connections', href: '/connections' },
      { text: id ?? 'New', href: '' },
    ],
    sentence: id === null ? say('New connection') : say('Connection {id}', { id }, 'id'),
    scripts: ['connections.js'],
    view: {
      isNew: id === null,
      ...shown,
      kinds: kindsView(shown.kind),
      hasPassword: known !== null && known.password !== null && known.password !== '',
      extraIsHidden: shown.extra === MASK,
      at: known?.updatedAt ?? null,
      faults: faultsByField(['id', 'kind', 'port', 'extra'], faults),
    },
  }
}

/** The form of a new one; a link may name its id and kind. */
export function newConnection(web: Web, req: Request): Promise<PageView> {
  const text = (name: string) => {
    const value = req.query[name]
    return typeof value === 'string' ? value : ''
  }
  const kind = text('kind') === '' ? EMPTY.kind : text('kind')
  return connectionForm(web, null, { ...EMPTY, id: text('id'), kind }, [])
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

/** What was sent; a known connection keeps its id. */
function readDraft(req: Request, original: string | null): ConnectionDraft {
  const text = (name: string) => formField(req.body, name).trim()
  return {
    id: original ?? text('id'),
    kind: text('kind'),
    host: text('host'),
    port: text('port'),
    login: text('login'),
    schema: text('schema'),
    extra: text('extra'),
    description: text('description'),
  }
}

/** An empty field keeps what is set; taking a password away is its own choice. */
function readPassword(req: Request, isNew: boolean): string | null {
  const password = formField(req.body, 'password')
  if (formField(req.body, 'remove_password') === 'true') return null
  if (password !== '') return password
  return isNew ? null : MASK
}

const valuesOf = (draft: ConnectionDraft, password: string | null) => ({
  connId: draft.id,
  connType: draft.kind,
  description: emptyAsNull(draft.description),
  host: emptyAsNull(draft.host),
  schema: emptyAsNull(draft.schema),
  login: emptyAsNull(draft.login),
  port: draft.port === '' ? null : Number(draft.port),
  password,
  extra: emptyAsNull(draft.extra),
})

export async function postConnection(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const original = emptyAsNull(formField(req.body, 'original'))
  const isNew = original === null
  const draft = readDraft(req, original)
  const faults = checkConnection(draft)
  if (faults.length > 0) return connectionForm(web, original, draft, faults)
  const values = valuesOf(draft, readPassword(req, isNew))
  try {
    await setConnection(web, { ...values, existing: isNew ? 'fail' : 'overwrite' }, actorOf(req))
  } catch (error) {
    return connectionForm(web, original, draft, refusalAt('id', error))
  }
  flash(res, 'connection-saved', draft.id)
  res.redirect(303, '/connections')
  return null
}

export async function postConnectionDelete(web: Web, req: Request, res: Response): Promise<null> {
  const id = formField(req.body, 'id')
  await deleteConnection(web, id, actorOf(req))
  flash(res, 'connection-deleted', id)
  res.redirect(303, '/connections')
  return null
}
