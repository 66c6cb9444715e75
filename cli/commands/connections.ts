// `dagctl connections …`, with Airflow's verbs and options.

import { readFileSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { parse, stringify } from 'yaml'
import {
  type ConnectionFields,
  formatConnectionUri,
  parseConnectionText,
  readConnectionObject,
} from '../../core/connection-uri.ts'
import { BaramError } from '../../core/errors.ts'
import { MASK } from '../../core/secret-names.ts'
import { maskExtra } from '../../engine/masked-json.ts'
import type { Connection } from '../../engine/vault.ts'
import { port } from '../arguments.ts'
import { CLI_USER, withContext, withOutput } from '../context.ts'
import { print, printRows, readFormat } from '../output.ts'

const rowOf = (connection: Connection) => ({
  conn_id: connection.connId,
  conn_type: connection.connType,
  description: connection.description,
  host: connection.host,
  schema: connection.schema,
  login: connection.login,
  password: connection.password === null ? null : MASK,
  port: connection.port,
  extra: maskExtra(connection.extra),
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

async function add(connId: string, flags: AddFlags): Promise<void> {
  const fields = fieldsOf(flags)
  await withContext(async ({ vault }) => {
    await vault.setConnection({ connId, description: flags.connDescription ?? null, ...fields }, CLI_USER, 'fail')
    print(`Connection ${connId} added`)
  })
}

type FileFormat = 'json' | 'yaml' | 'env'
type TextFormat = 'uri' | 'json'

const plainObject = (connection: ConnectionFields) => ({
  conn_type: connection.connType,
  host: connection.host,
  login: connection.login,
  password: connection.password,
  schema: connection.schema,
  port: connection.port,
  extra: connection.extra,
})

function exportText(connections: readonly Connection[], file: FileFormat, text: TextFormat): string {
  const textOf = (connection: Connection) =>
    text === 'uri' ? formatConnectionUri(connection) : JSON.stringify(plainObject(connection))
  if (file === 'env') return connections.map((connection) => `${connection.connId}=${textOf(connection)}`).join('\n')
  const all = Object.fromEntries(
    connections.map((connection) => [
      connection.connId,
      { ...plainObject(connection), description: connection.description },
    ]),
  )
  return file === 'json' ? JSON.stringify(all, null, 2) : stringify(all)
}

function readFileFormat(text: string): FileFormat {
  if (text === 'json' || text === 'yaml' || text === 'env') return text
  throw new BaramError('INPUT_INVALID', `--file-format is json, yaml or env; found ${text}`)
}

async function exportFile(file: string, flags: { fileFormat: string; serializationFormat: string }): Promise<void> {
  const format = readFileFormat(flags.fileFormat)
  const text: TextFormat = flags.serializationFormat === 'json' ? 'json' : 'uri'
  await withContext(async ({ vault }) => {
    const connections = await vault.listConnections()
    const content = exportText(connections, format, text)
    if (file === '-') print(content)
    else {
      writeFileSync(file, `${content}\n`, { mode: 0o600 })
      print(`${connections.length} connections written to ${file}, secrets in plain text`)
    }
  })
}

function readFile(file: string): [string, ConnectionFields, string | null][] {
  const text = readFileSync(file, 'utf8')
  if (file.endsWith('.env')) {
    return text.split('\n').flatMap((line) => {
      const at = line.indexOf('=')
      return at <= 0
        ? []
        : [
            [line.slice(0, at).trim(), parseConnectionText(line.slice(at + 1)), null] as [
              string,
              ConnectionFields,
              null,
            ],
          ]
    })
  }
  const all: unknown = parse(text)
  if (typeof all !== 'object' || all === null)
    throw new BaramError('INPUT_INVALID', `${file} must hold an object of connections by id`)
  return Object.entries(all).map(([connId, value]: [string, unknown]) => {
    const description =
      typeof value === 'object' && value !== null && 'description' in value && typeof value.description === 'string'
        ? value.description
        : null
    return [connId, typeof value === 'string' ? parseConnectionText(value) : readConnectionObject(value), description]
  })
}

async function importFile(file: string, flags: { overwrite?: boolean }): Promise<void> {
  const entries = readFile(file)
  await withContext(async ({ vault }) => {
    let done = 0
    for (const [connId, fields, description] of entries) {
      if (
        await vault.setConnection(
          { connId, description, ...fields },
          CLI_USER,
          flags.overwrite === true ? 'overwrite' : 'skip',
        )
      )
        done++
    }
    print(`${done} of ${entries.length} connections imported`)
  })
}

export function addConnectionCommands(program: Command): void {
  const connections = program.command('connections').description('connections that tasks use')
  withOutput(connections.command('list').description('all connections, secrets as ***')).action(
    async (flags: { output: string }) => {
      const format = readFormat(flags.output)
      await withContext(async ({ vault }) => printRows((await vault.listConnections()).map(rowOf), format, COLUMNS))
    },
  )
  withOutput(connections.command('get').argument('<conn-id>')).action(
    async (connId: string, flags: { output: string }) => {
      const format = readFormat(flags.output)
      await withContext(async ({ vault }) => {
        const connection = await vault.getConnection(connId)
        if (connection === null) throw new BaramError('NOT_FOUND', `there is no connection ${connId}`)
        printRows([rowOf(connection)], format, COLUMNS)
      })
    },
  )
  connections
    .command('add')
    .argument('<conn-id>')
    .option('--conn-uri <uri>')
    .option('--conn-json <json>')
    .option('--conn-type <type>')
    .option('--conn-host <host>')
    .option('--conn-login <login>')
    .option('--conn-password <password>')
    .option('--conn-schema <schema>')
    .option('--conn-port <port>', 'from 0 to 65535', port('--conn-port'))
    .option('--conn-extra <json>')
    .option('--conn-description <text>')
    .action(add)
  connections
    .command('delete')
    .argument('<conn-id>')
    .action((connId: string) =>
      withContext(async ({ vault }) => {
        if (!(await vault.deleteConnection(connId, CLI_USER)))
          throw new BaramError('NOT_FOUND', `there is no connection ${connId}`)
        print(`Connection ${connId} deleted`)
      }),
    )
  connections.command('import').argument('<file>').option('--overwrite', 'replace those that exist').action(importFile)
  connections
    .command('export')
    .argument('<file>', 'a file, or - for standard output')
    .option('--file-format <format>', 'json, yaml or env', 'json')
    .option('--serialization-format <format>', 'uri or json, for env', 'uri')
    .action(exportFile)
}
