// A read that counts only if no file changed under it.
//
// DuckDB opens a Parquet file twice, once for its footer and once for its data. A slot that is re-run with other content replaces
// its file by a rename in between, and the old footer is then applied to the new data: an error at best ("Out of buffer", seen
// under test). So each read is framed by two looks at the files, and repeated when they differ.

import { stat } from 'node:fs/promises'
import { StatementTimedOut } from '../duckdb/session.ts'
import { WarehouseError } from './warehouse.ts'

/** With one replacement a second and a read of a second, twenty unlucky ones in a row do not happen. */
const MOST_TRIES = 20

/** Which version of each file is there: a rename brings another inode, and a reused inode another time. */
async function versionsOf(files: readonly string[]): Promise<string> {
  const versions = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file, { bigint: true }).catch(() => null)
      return found === null ? 'gone' : `${found.ino}/${found.size}/${found.mtimeNs}/${found.ctimeNs}`
    }),
  )
  return versions.join(' ')
}

/** What one look found: the files a statement will read, and the statement. */
interface Look<T> {
  readonly files: readonly string[]
  read(): Promise<T>
}

/** Looks, reads, and looks again; begins anew when a file changed meanwhile, also if the read failed because of that. */
export async function readConsistently<T>(look: () => Promise<Look<T>>, signal?: AbortSignal): Promise<T> {
  let cause: unknown
  for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
    signal?.throwIfAborted()
    const { files, read } = await look()
    const before = await versionsOf(files)
    try {
      const value = await read()
      if ((await versionsOf(files)) === before) return value
    } catch (error) {
      const isOurs = signal?.aborted === true || error instanceof StatementTimedOut
      if (isOurs || (await versionsOf(files)) === before) throw error
      cause = error
    }
  }
  throw new WarehouseError(
    `the table's files changed during each of ${MOST_TRIES} reads: read again when its slots have settled`,
    {
      cause,
    },
  )
}
