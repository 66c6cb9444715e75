// `dagctl connections …`, with Airflow's verbs and options.

import type { Command } from 'commander'
import { CONNECTION_TYPES } from '../../core/connection-types.ts'
import {
  type ConnectionFields,
  formatConnectionUri,
  parseConnectionText,
  readConnectionObject,
} from '../../core/connection-uri.ts'
import { BaramError, notFound } from '../../core/errors.ts'
import { MASK } from '../../core/masker.ts'
import type { Connection } from '../../engine/admin/vault.ts'
import { nearest } from '../../sdk/spec.ts'
import { port } from '../arguments.ts'
import { withContext } from '../context.ts'
import { count } from '../count.ts'
import type { ConnectionView } from '../deployment/deployment.ts'
import { withDeployment } from '../deployment/open.ts'
import {
  type Entry,
  type FileFormat,
  fileFormat,
  formatEnv,
  formatObject,
  parseEntries,
  readTextFile,
  STANDARD_OUTPUT,
  writeSecretFile,
} from '../exchange-file.ts'
import { withOutput } from '../options.ts'
import { print, printRows, readFormat, tell } from '../output.ts'
import { escapeUnseen } from '../visible.ts'

const rowOf = (connection: ConnectionView) => ({
  conn_id: connection.connId,
  conn_type: connection.connType,
  description: connection.description,
  host: connection.host,
  schema: connection.schema,
  login: connection.login,
  password: connection.hasPassword ? MASK : null,
  port: connection.port,
  extra: connection.extra,
})
const COLUMNS = ['conn_id', 'conn_type', 'description', 'host', 'schema', 'login', 'password', 'port', 'extra']

interface AddFlags {
  readonly connUri?: string
  readonly connJson?: string
  readonly connType?: string
  readonly connHost?: string
  readonly connLogin?: string
  readonly connPassword?: string
  readonly connSchema?: string
  readonly connPort?: number
  readonly connExtra?: string
  readonly connDescription?: string
  readonly force?: boolean
}

function fieldsOf(flags: AddFlags): ConnectionFields {
  const ways = [flags.connUri, flags.connJson, flags.connType].filter((way) => way !== undefined)
  if (ways.length !== 1)
    throw new BaramError(
      'INPUT_INVALID',
      'give the connection in one way: --conn-uri, --conn-json, or --conn-type with its fields',
    )
  if (flags.connUri !== undefined) return parseConnectionText(flags.connUri)
  if (flags.connJson !== undefined) return parseConnectionText(flags.connJson)
  return readConnectionObject({
    conn_type: flags.connType,
    host: flags.connHost,
    login: flags.connLogin,
    password: flags.connPassword,
    schema: flags.connSchema,
    port: flags.connPort,
    extra: flags.connExtra,
  })
}

/** @throws BaramError INPUT_INVALID: an unknown type is found only when a task opens the connection, which may be days later */
function requireKnownType(type: string): void {
  if (CONNECTION_TYPES.has(type)) return
  const known = [...CONNECTION_TYPES.keys()]
  const hint = nearest(type, known)
  throw new BaramError(
    'INPUT_INVALID',
    `the type of a connection must be one of ${known.join(', ')}, found ` +
      `${JSON.stringify(type)}${hint === undefined ? '.' : `; did you mean ${hint}?`} For a type that operators of ` +
      'your own open, add --force',
  )
}

async function add(connId: string, flags: AddFlags): Promise<void> {
  const fields = fieldsOf(flags)
  if (flags.force !== true) requireKnownType(fields.connType)
  await withDeployment(async ({ connections }) => {
    await connections.set({ connId, description: flags.connDescription ?? null, ...fields, existing: 'fail' })
    print(`Connection ${connId} added`)
  })
}

const plainObject = (connection: ConnectionFields) => ({
  conn_type: connection.connType,
  host: connection.host,
  login: connection.login,
  password: connection.password,
  schema: connection.schema,
  port: connection.port,
  extra: connection.extra,
})

/** As a URI where that says it all; a type such as `My Type` fits none, and is JSON then. */
function connectionText(connection: Connection, isJson: boolean): string {
  const uri = formatConnectionUri(connection)
  return isJson || !isSameConnection(uri, connection) ? escapeUnseen(JSON.stringify(plainObject(connection))) : uri
}

function isSameConnection(uri: string, connection: Connection): boolean {
  try {
    return JSON.stringify(plainObject(parseConnectionText(uri))) === JSON.stringify(plainObject(connection))
  } catch {
    return false
  }
}

/** Without what an .env file has no place for, when that is its format. */
export function exportText(connections: readonly Connection[], format: FileFormat, isJson: boolean): string {
  if (format === 'env')
    return formatEnv(connections.map((connection) => [connection.connId, connectionText(connection, isJson)]))
  return formatObject(
    connections.map((connection) => [
      connection.connId,
      { ...plainObject(connection), description: connection.description },
    ]),
    format,
  )
}

function readSerialization(text: string): 'uri' | 'json' {
  if (text === 'uri' || text === 'json') return text
  throw new BaramError('INPUT_INVALID', `--serialization-format must be uri or json, found ${JSON.stringify(text)}`)
}

async function exportFile(file: string, flags: { fileFormat?: string; serializationFormat: string }): Promise<void> {
  const format = fileFormat(file, flags.fileFormat)
  const isJson = readSerialization(flags.serializationFormat) === 'json'
  await withContext(async ({ vault }) => {
    const connections = await vault.listConnections()
    const text = exportText(connections, format, isJson)
    if (format === 'env' && connections.some(({ description }) => description !== null))
      tell('An .env file has no place for descriptions; .json and .yaml have.')
    if (file === STANDARD_OUTPUT) print(text)
    else {
      writeSecretFile(file, text)
      print(`${count(connections.length, 'connection')} written to ${file}, secrets in plain text`)
    }
  })
}

type Imported = Omit<Connection, 'updatedAt'>

/** A connection of a file: a URI or JSON as text, or an object with Airflow's keys. */
function readEntry([connId, value]: Entry, file: string): Imported {
  try {
    const fields = typeof value === 'string' ? parseConnectionText(value) : readConnectionObject(value)
    const given = typeof value === 'object' && value !== null && 'description' in value ? value.description : null
    return { connId, description: typeof given === 'string' ? given : null, ...fields }
  } catch (cause) {
    if (!(cause instanceof BaramError)) throw cause
    throw new BaramError('INPUT_INVALID', `${file}, connection ${connId}: ${cause.message}`, { cause })
  }
}

export const importText = (text: string, format: FileFormat, file: string): readonly Imported[] =>
  parseEntries(text, format, file).map((entry) => readEntry(entry, file))

/** A file of another deployment may have types that only its operators open: said, and taken. */
function tellUnknownTypes(connections: readonly Imported[]): void {
  const unknown = connections.filter(({ connType }) => !CONNECTION_TYPES.has(connType))
  if (unknown.length > 0)
    tell(
      `Of a type that only operators of your own can open: ${unknown.map(({ connId, connType }) => `${connId} (${connType})`).join(', ')}.`,
    )
}

async function importFile(file: string, flags: { overwrite?: boolean; fileFormat?: string }): Promise<void> {
  const imported = importText(readTextFile(file), fileFormat(file, flags.fileFormat), file)
  const existing = flags.overwrite === true ? 'overwrite' : 'skip'
  await withDeployment(async ({ connections }) => {
    let done = 0
    for (const connection of imported) if (await connections.set({ ...connection, existing })) done++
    tellUnknownTypes(imported)
    print(`${done} of ${count(imported.length, 'connection')} imported`)
  })
}

export function addConnectionCommands(program: Command): void {
  const connections = program.command('connections').description('connections that tasks use')
  withOutput(connections.command('list').description('all connections, secrets as ***')).action(
    async (flags: { output: string }) => {
      const format = readFormat(flags.output)
      await withDeployment(async (deployment) =>
        printRows((await deployment.connections.list()).map(rowOf), format, COLUMNS),
      )
    },
  )
  withOutput(connections.command('get').argument('<conn-id>')).action(
    async (connId: string, flags: { output: string }) => {
      const format = readFormat(flags.output)
      await withDeployment(async (deployment) => {
        const connection = await deployment.connections.find(connId)
        if (connection === null) throw notFound('connection', connId)
        printRows([rowOf(connection)], format, COLUMNS)
      })
    },
  )
  connections
    .command('add')
    .argument('<conn-id>')
    .option('--conn-uri <uri>')
    .option('--conn-json <json>')
    .option('--conn-type <type>', [...CONNECTION_TYPES.keys()].join(', '))
    .option('--conn-host <host>')
    .option('--conn-login <login>')
    .option('--conn-password <password>')
    .option('--conn-schema <schema>')
    .option('--conn-port <port>', 'from 0 to 65535', port('--conn-port'))
    .option('--conn-extra <json>')
    .option('--conn-description <text>')
    .option('--force', 'take a type that only operators of your own open')
    .action(add)
  connections
    .command('delete')
    .argument('<conn-id>')
    .action((connId: string) =>
      withDeployment(async (deployment) => {
        await deployment.connections.remove(connId)
        print(`Connection ${connId} deleted`)
      }),
    )
  connections
    .command('import')
    .argument('<file>', 'ends in .json, .yaml, .yml or .env')
    .option('--overwrite', 'replace those that exist')
    .option('--file-format <format>', 'json, yaml or env; default: what the ending says')
    .action(importFile)
  connections
    .command('export')
    .argument('<file>', 'ends in .json, .yaml, .yml or .env; - for standard output')
    .option('--file-format <format>', 'json, yaml or env; default: what the ending says, json for -')
    .option('--serialization-format <format>', 'uri or json, for env', 'uri')
    .action(exportFile)
}
