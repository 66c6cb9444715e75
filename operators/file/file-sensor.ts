// Waits for a file of this host: Airflow's FileSensor.

import { isAbsolute, join, normalize } from 'node:path'
import type { Operator, OperatorContext } from '../../sdk/index.ts'
import { ConnectionUnusableError, folderOf } from '../connection.ts'
import { type SensorOptions, templatedSensor } from '../sensor.ts'
import { findFile } from './glob.ts'

export interface FileSensorOptions extends SensorOptions {
  /**
   * File or folder (template), absolute or below the connection's folder; may be a pattern: `*` and `?` within a name,
   * `[a-z]`. A folder counts once a file is inside it, at any depth.
   */
  readonly filepath: string
  /**
   * Connection of type `fs`, `file` or `directory` whose `extra.path` is the folder (template). Default `fs_default`,
   * which may be missing.
   */
  readonly fsConnId?: string
  /** `**` in the pattern stands for any number of folders. Default false: it is a `*`. */
  readonly recursive?: boolean
}

const DEFAULT = 'fs_default'

/** An absolute path needs no connection. @throws ConnectionUnusableError */
async function patternOf(op: OperatorContext, filepath: string, connId: string): Promise<string> {
  const connection = await op.client.getConnection(connId)
  if (connection !== null && !['fs', 'file', 'directory'].includes(connection.type))
    throw new ConnectionUnusableError(connId, `it must be of type fs, found ${connection.type}`)
  if (isAbsolute(filepath) && (connection !== null || connId === DEFAULT)) return normalize(filepath)
  if (connection === null)
    throw new ConnectionUnusableError(
      connId,
      'there is none: add it, of type fs with extra {"path": "/folder"}, or give an absolute filepath',
    )
  return join(folderOf(connection), filepath)
}

/**
 * Waits until a file is there. The XCom is its path. It looks on the host of the worker, or with `mode: 'defer'` of the
 * scheduler. `TArgs`: the task's inputs, for templates: `fileSensor<{ name: string }>({ filepath:
 * '/in/{{args.name}}.csv' })`.
 */
export function fileSensor<TArgs extends object = Record<never, never>>(
  options: FileSensorOptions,
): Operator<TArgs, string | undefined> {
  const { fsConnId = DEFAULT, recursive = false } = options
  return templatedSensor<TArgs, FileSensorOptions, { filepath: string; fsConnId: string }, string>({
    name: 'FileSensor',
    options: { ...options, fsConnId, recursive },
    templateFields: ['filepath', 'fsConnId'],
    prepare(op, rendered) {
      op.log.info({ filepath: rendered.filepath }, 'waiting for a file')
      return { filepath: rendered.filepath, fsConnId: rendered.fsConnId ?? DEFAULT }
    },
    async poke({ filepath, fsConnId: connId }, op) {
      const found = await findFile(await patternOf(op, filepath, connId), recursive, op.signal)
      if (found === null) return false
      op.log.info({ path: found }, 'the file is there')
      return { done: true, value: found }
    },
  })
}
