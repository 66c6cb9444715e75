// What operators are given to open a connection when no task runs: the deployment's connections, a log on stderr, Ctrl-C.

import { homedir } from 'node:os'
import { extraSecrets, Masker, secretStrings } from '../core/masker.ts'
import type { ConnectionContext } from '../operators/connection.ts'
import type { ConnectionResult, TaskLogger } from '../sdk/index.ts'
import { tell } from './output.ts'
import type { Context } from './wire.ts'

type Told = readonly [object | string, string?]

/** Fields first, then a sentence, as a task's log has it. */
function lineOf(masker: Masker, [fields, message]: Told): string {
  const text = typeof fields === 'string' ? fields : `${message ?? ''} ${JSON.stringify(fields)}`
  return masker.mask(text.trim())
}

/** Only what is wrong: what is right is the command's own output. */
function loggerOf(masker: Masker): TaskLogger {
  const quiet = () => undefined
  const loud = (...line: Told) => tell(lineOf(masker, line))
  return { debug: quiet, info: quiet, warn: loud, error: loud }
}

async function connectionOf({ vault }: Context, masker: Masker, connId: string): Promise<ConnectionResult | null> {
  const found = await vault.getConnection(connId)
  if (found === null) return null
  if (found.password !== null) masker.add(secretStrings(found.password))
  if (found.extra !== null) masker.add(extraSecrets(found.extra, vault.isSensitive))
  const { connType: type, host, schema, login, password, port, extra } = found
  return { id: connId, type, host, schema, login, password, port, extra }
}

export interface CommandConnections {
  readonly op: ConnectionContext
  /** Takes out the secrets of the connections that were opened. */
  readonly mask: (text: string) => string
}

/** @param command told to servers as the client's name */
export function connectionsOf(context: Context, command: string, signal: AbortSignal): CommandConnections {
  const masker = new Masker()
  return {
    op: {
      dagId: 'dagctl',
      taskId: command,
      embeddedRoot: context.config.home,
      signal,
      log: loggerOf(masker),
      client: { getConnection: (connId) => connectionOf(context, masker, connId) },
    },
    mask: (text) => masker.mask(text).replaceAll(homedir(), '~'),
  }
}
