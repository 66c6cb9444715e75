// Scratch: the local folder where one task of a run leaves a file for the next one on the same host.

import { rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { OperatorContext } from '../../sdk/index.ts'
import { ConnectionUnusableError, folderOf } from '../connection.ts'
import { safeName } from '../lake/paths.ts'

/** What a task hands to the next one (its XCom): where the file is, and what makes it whole. */
export type ScratchFile = {
  readonly file_name: string
  /** Absolute. */
  readonly local_file_path: string
  readonly rows: number
  readonly bytes: number
  /** Lower-case hex. */
  readonly sha256: string
}

/**
 * The run's folder: `<scratch>/<dag_id>/<run_id>`. Decided by the run alone, so a second try finds (and replaces) what the first left.
 * `scratch` is `extra.path` of the connection (type `directory` or `file`), else a folder of the embedded root.
 */
export async function scratchFolder(op: OperatorContext, connId = 'scratch_default'): Promise<string> {
  const connection = await op.client.getConnection(connId)
  if (connection !== null && connection.type !== 'directory' && connection.type !== 'file') {
    throw new ConnectionUnusableError(
      connId,
      `scratch is a local folder: expected type directory, found ${connection.type}`,
    )
  }
  const root = connection === null ? join(op.embeddedRoot, 'scratch') : folderOf(connection)
  return join(root, safeName(op.dagId), safeName(op.runId))
}

/** Removes the file, and the run's folder when it was the last one in it. */
export async function removeScratch(path: string): Promise<void> {
  await rm(path, { force: true })
  await rmdir(dirname(path)).catch(() => undefined)
}

/** Removes all that the run left on scratch: for its last task, whose retry needs none of it. */
export async function clearScratch(op: OperatorContext, connId?: string): Promise<void> {
  await rm(await scratchFolder(op, connId), { recursive: true, force: true })
}

/** Is the file there? A folder in its place counts as absent. */
export async function scratchExists(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found?.isFile() ?? false
}
