// Variables, connections and import errors. Secret values never reach a template.

import type { Request } from 'express'
import { MASK } from '../../../core/secret-names.ts'
import type { Connection, Variable, Vault } from '../../../engine/admin/vault.ts'
import { getImportError, listDagsOfFile, listImportErrors } from '../../../store/postgres/read-admin.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/errors.ts'
import { Query } from '../../http/query.ts'
import { dagPath } from '../frame/links.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { countWord } from '../frame/sentence.ts'

export interface FormFault {
  readonly field: string
  readonly text: string
}

const faultsOf = (faults: readonly FormFault[]) => Object.fromEntries(faults.map(({ field, text }) => [field, text]))

const SHOWN_CHARACTERS = 200

const variableView = (vault: Vault, variable: Variable) => ({
  key: variable.key,
  href: `/variables/edit?key=${encodeURIComponent(variable.key)}`,
  isSecret: variable.isSensitive,
  value: variable.isSensitive ? '' : vault.shownValue(variable).slice(0, SHOWN_CHARACTERS),
  description: variable.description,
  at: variable.updatedAt,
})

export async function variablesPage(web: Web, req: Request): Promise<PageView> {
  const find = (new Query(req).text('q') ?? '').trim()
  const all = await web.vault.listVariables()
  const shown = all.filter((variable) => variable.key.toLowerCase().includes(find.toLowerCase()))
  const secret = all.filter((variable) => variable.isSensitive).length
  return {
    place: 'variables',
    crumbs: [{ text: 'Variables', href: '/variables' }],
    sentence:
      all.length === 0
        ? say('No variables yet.')
        : secret === 0
          ? say('{word} {n#variable#variables}, none of them secret.', { word: countWord(all.length), n: all.length })
          : say('{word} {n#variable#variables}, {k} of them secret.', {
              word: countWord(all.length),
              n: all.length,
              k: countWord(secret).toLowerCase(),
            }),
    scripts: ['variables.js'],
    view: {
      variables: shown.map((variable) => variableView(web.vault, variable)),
      isEmpty: all.length === 0,
      find,
      overridden: [...web.config.variableOverrides.keys()].sort(),
    },
  }
}

export interface VariableDraft {
  readonly key: string
  readonly value: string
  readonly description: string
}

export async function variableForm(
  web: Web,
  key: string | null,
  draft: VariableDraft | null,
  faults: readonly FormFault[],
): Promise<PageView> {
  const known = key === null ? null : await web.vault.findVariable(key)
  if (key !== null && known === null) throw notFound(`There is no variable ${key}.`)
  const isSecret = known?.isSensitive ?? false
  return {
    place: 'variables',
    crumbs: [
      { text: 'Variables', href: '/variables' },
      { text: key ?? 'New', href: '' },
    ],
    sentence: key === null ? say('New variable') : say('Variable {key}', { key }, 'key'),
    scripts: ['variables.js'],
    view: {
      isNew: key === null,
      key: draft?.key ?? key ?? '',
      isSecret,
      value: isSecret ? '' : (draft?.value ?? (known === null ? '' : web.vault.shownValue(known))),
      description: draft?.description ?? known?.description ?? '',
      at: known?.updatedAt ?? null,
      faults: { key: null, value: null, ...faultsOf(faults) },
    },
  }
}

/** What each kind of connection asks for; others get the general form. */
export const KINDS = [
  { type: 'webhdfs', name: 'HDFS (WebHDFS)', port: 9870 },
  { type: 'hiveserver2', name: 'Hive (HiveServer2)', port: 10_000 },
  { type: 'kafka', name: 'Kafka', port: 9092 },
  { type: 'elasticsearch', name: 'Elasticsearch', port: 9200 },
  { type: 'postgres', name: 'Postgres', port: 5432 },
  { type: 'http', name: 'HTTP', port: 443 },
  { type: 'smtp', name: 'Mail (SMTP)', port: 465 },
] as const

/** Stores that work without a connection: local ones take their place until one is given. */
const DEFAULTS = [
  { id: 'hdfs_default', kind: 'webhdfs', address: 'a folder of this host', note: 'embedded: local files' },
  { id: 'hive_default', kind: 'hiveserver2', address: 'DuckDB', note: 'embedded: DuckDB' },
  { id: 'kafka_default', kind: 'kafka', address: 'files of this host', note: 'embedded: append-only files' },
  { id: 'elasticsearch_default', kind: 'elasticsearch', address: 'Postgres', note: 'embedded: a Postgres schema' },
  {
    id: 'postgres_default',
    kind: 'postgres',
    address: 'Postgres',
    note: 'embedded: a database apart from the metadata',
  },
  { id: 'scratch_default', kind: 'file', address: 'a folder of this host', note: 'embedded: local files' },
] as const
/** What takes the place of the sources' connections: `dagctl standalone` keeps their addresses in Variables. */
const SIMULATED = [
  {
    id: 'upbit_default',
    kind: 'http',
    variable: 'upbit_simulated_url',
    what: 'the simulated exchange of this host: generated candles, not market data',
  },
  {
    id: 'gmarket_default',
    kind: 'http',
    variable: 'gmarket_simulated_url',
    what: 'the simulated shop of this host: generated goods, not offers',
  },
  {
    id: 'stocks_default',
    kind: 'file',
    variable: 'stocks_simulated_url',
    what: 'the generated history of this host: no real prices',
  },
] as const

async function simulatedSources(web: Web) {
  const found = await Promise.all(SIMULATED.map(({ variable }) => web.vault.findVariable(variable)))
  return SIMULATED.flatMap(({ id, kind, variable, what }, i) => {
    const known = found[i] ?? null
    if (known === null || known.isSensitive) return []
    return [{ id, kind, address: known.value, note: `${what} (Variable ${variable})` }]
  })
}

function address(connection: Connection): string {
  if (connection.host === null) return '—'
  return `${connection.host}${connection.port === null ? '' : `:${connection.port}`}${connection.schema === null || connection.schema === '' ? '' : `/${connection.schema}`}`
}

export async function connectionsPage(web: Web, req: Request): Promise<PageView> {
  const find = (new Query(req).text('q') ?? '').trim()
  const all = await web.vault.listConnections()
  const known = new Set([
    ...all.map((connection) => connection.connId),
    ...[...web.config.connectionOverrides.keys()].map((id) => id.toLowerCase()),
  ])
  const stored = all.map((connection) => ({
    id: connection.connId,
    href: `/connections/edit?id=${encodeURIComponent(connection.connId)}`,
    kind: connection.connType,
    address: address(connection),
    note: connection.description,
    isEmbedded: false,
    isSimulated: false,
    isFromEnvironment: web.vault.isConnectionOverridden(connection.connId),
    at: connection.updatedAt,
  }))
  const implied = [...DEFAULTS, ...(await simulatedSources(web))]
    .filter(({ id }) => !known.has(id))
    // These two live in the embedded database, which only a standalone has.
    .filter(({ kind }) => (kind !== 'elasticsearch' && kind !== 'postgres') || known.has('embedded_postgres'))
    .map((item) => ({
      ...item,
      href: `/connections/new?id=${item.id}&kind=${item.kind}`,
      isEmbedded: !SIMULATED.some(({ id }) => id === item.id),
      isSimulated: SIMULATED.some(({ id }) => id === item.id),
      isFromEnvironment: false,
      at: null,
    }))
  const list = [...stored, ...implied]
    .filter((item) => item.id.toLowerCase().includes(find.toLowerCase()))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const embedded = implied.filter((item) => item.isEmbedded).length
  return {
    place: 'connections',
    crumbs: [{ text: 'Connections', href: '/connections' }],
    sentence:
      all.length === 0
        ? say('No connections of your own: {k} {k#store#stores} {k#is#are} embedded.', { k: embedded })
        : embedded === 0
          ? say('{word} {n#connection#connections}.', { word: countWord(all.length), n: all.length })
          : say('{word} {n#connection#connections}; {k} {k#store is#stores are} embedded.', {
              word: countWord(all.length),
              n: all.length,
              k: embedded,
            }),
    scripts: ['connections.js'],
    view: { connections: list, find },
  }
}

export interface ConnectionDraft {
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

export async function connectionForm(
  web: Web,
  id: string | null,
  draft: ConnectionDraft | null,
  faults: readonly FormFault[],
): Promise<PageView> {
  const known = id === null ? null : await web.vault.findConnection(id)
  if (id !== null && known === null) throw notFound(`There is no connection ${id}.`)
  const empty: ConnectionDraft = {
    id: '',
    kind: 'http',
    host: '',
    port: '',
    login: '',
    schema: '',
    extra: '',
    description: '',
  }
  const shown = draft ?? (known === null ? empty : draftOf(web.vault, known))
  const kinds = KINDS.some(({ type }) => type === shown.kind)
    ? KINDS
    : [...KINDS, { type: shown.kind, name: shown.kind, port: 0 }]
  return {
    place: 'connections',
    crumbs: [
      { text: 'Connections', href: '/connections' },
      { text: id ?? 'New', href: '' },
    ],
    sentence: id === null ? say('New connection') : say('Connection {id}', { id }, 'id'),
    scripts: ['connections.js'],
    view: {
      isNew: id === null,
      ...shown,
      kinds: kinds.map(({ type, name, port }) => ({ type, name, port, isCurrent: type === shown.kind })),
      hasPassword: known !== null && known.password !== null && known.password !== '',
      extraIsHidden: shown.extra === MASK,
      at: known?.updatedAt ?? null,
      faults: { id: null, kind: null, port: null, extra: null, ...faultsOf(faults) },
    },
  }
}

export async function errorsPage(web: Web): Promise<PageView> {
  const { rows, total } = await listImportErrors(
    web.database,
    {},
    { limit: 100, offset: 0, order: [{ key: 'timestamp', isDescending: true }] },
  )
  return {
    place: 'errors',
    crumbs: [{ text: 'Import errors', href: '/errors' }],
    sentence:
      total === 0
        ? say('Every file can be read.')
        : say('{word} {n#file#files} cannot be read.', { word: countWord(total), n: total }),
    topics: 'dags',
    view: {
      errors: rows.map((row) => ({
        file: row.filename,
        href: `/errors/${row.id}`,
        first: row.stacktrace.split('\n')[0] ?? '',
        at: row.timestamp,
        place: placeText(row.details),
      })),
      folder: web.config.dagsFolder,
      now: Date.now(),
    },
  }
}

interface ErrorPlace {
  readonly line: number | null
  readonly column: number | null
  readonly frame: string | null
  readonly errors: readonly string[]
}

function readPlace(details: unknown): ErrorPlace {
  const none: ErrorPlace = { line: null, column: null, frame: null, errors: [] }
  if (typeof details !== 'object' || details === null) return none
  const number = (value: unknown) => (typeof value === 'number' ? value : null)
  const errors = 'errors' in details && Array.isArray(details.errors) ? details.errors : []
  return {
    line: 'line' in details ? number(details.line) : null,
    column: 'column' in details ? number(details.column) : null,
    frame: 'frame' in details && typeof details.frame === 'string' ? details.frame : null,
    errors: errors.map((item: unknown) =>
      typeof item === 'string'
        ? item
        : typeof item === 'object' && item !== null && 'text' in item && typeof item.text === 'string'
          ? item.text
          : JSON.stringify(item),
    ),
  }
}

function placeText(details: unknown): string | null {
  const { line, column } = readPlace(details)
  return line === null ? null : column === null ? `line ${line}` : `line ${line}, column ${column}`
}

/** `  41 | text` and `> 41 | text` as rows; other text as it stands. */
function frameLines(frame: string) {
  return frame.split('\n').map((text) => {
    const match = /^(>?)\s*(\d+)\s*[│|]\s?(.*)$/.exec(text)
    if (match !== null) return { n: match[2] ?? '', text: match[3] ?? '', isBad: match[1] === '>', isPointer: false }
    const pointer = /^\s*[│|]?(\s*\^.*)$/.exec(text)
    return {
      n: '',
      text: (pointer?.[1] ?? text).replace(/^\s*[│|]\s?/, ''),
      isBad: pointer !== null,
      isPointer: pointer !== null,
    }
  })
}

export async function errorPage(web: Web, req: Request): Promise<PageView> {
  const id = String(req.params['id'] ?? '')
  const row = /^\d{1,9}$/.test(id) ? await getImportError(web.database, Number(id)) : null
  if (row === null) throw notFound('This import error is gone: the file was fixed or removed.')
  const place = readPlace(row.details)
  const dags = await listDagsOfFile(web.database, row.filename)
  const first = row.stacktrace.split('\n')[0] ?? ''
  const file = row.filename
  return {
    place: 'errors',
    crumbs: [
      { text: 'Import errors', href: '/errors' },
      { text: file, href: '' },
    ],
    sentence:
      place.line === null
        ? say('{file} cannot be read.', { file }, 'file')
        : say('{file} has an error on line {line}.', { file, line: place.line }, 'file'),
    topics: 'dags',
    view: {
      file,
      first,
      place: placeText(row.details),
      lines: place.frame === null ? [] : frameLines(place.frame.replace(/\n$/, '')),
      text: row.stacktrace,
      more: place.errors,
      at: row.timestamp,
      dags: dags.map((dag) => ({
        id: dag.dag_id,
        href: dagPath(dag.dag_id),
        version: dag.version_number,
        isStale: dag.is_stale,
      })),
      now: Date.now(),
    },
  }
}
