// Where the history lies: files that a connection names, or one that this host's simulated source generates.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ConnectionUnusableError, folderOf } from '../../operators/connection.ts'
import { downloadTo } from '../../operators/http/download.ts'
import { scratchFolder } from '../../operators/scratch/scratch.ts'
import { FailTask, type OperatorContext } from '../../sdk/index.ts'

/** Set by `dagctl standalone` to the address of its generated history. */
const SIMULATED_URL_VARIABLE = 'stocks_simulated_url'

export interface StockFiles {
  /** Told in logs and row counts. */
  readonly name: string
  readonly format: 'csv' | 'parquet'
  /** In the order of the replay. */
  readonly paths: readonly string[]
}

const formatOf = (path: string): StockFiles['format'] => (/\.parquet$/i.test(path) ? 'parquet' : 'csv')

async function filesIn(path: string): Promise<Omit<StockFiles, 'name'>> {
  const found = await stat(path).catch(() => null)
  if (found === null) throw new FailTask(`${path} does not exist on this host`)
  if (found.isFile()) return { format: formatOf(path), paths: [path] }
  const names = (await readdir(path)).filter((name) => /\.(csv|csv\.gz|parquet)$/i.test(name)).sort()
  const [first] = names
  if (first === undefined) throw new FailTask(`${path} holds no .csv, .csv.gz or .parquet file`)
  const other = names.find((name) => formatOf(name) !== formatOf(first))
  if (other !== undefined)
    throw new FailTask(
      `${path} holds CSV and Parquet files (${first}, ${other}): keep those of one year in one format only`,
    )
  return { format: formatOf(first), paths: names.map((name) => join(path, name)) }
}

async function fetchGenerated(op: OperatorContext, connId: string): Promise<StockFiles> {
  const url = await op.client.getVariable(SIMULATED_URL_VARIABLE)
  if (url === null)
    throw new FailTask(
      `there is no connection ${connId} and no simulated history (Variable ${SIMULATED_URL_VARIABLE}): add ${connId}, of type file, ` +
        'with extra {"path": "/data/marcap"}, or run dagctl standalone, which generates one',
    )
  op.log.info({ connId, url }, 'no such connection: the history is generated, by the simulated source of this host')
  const path = join(await scratchFolder(op), 'history.csv')
  await mkdir(dirname(path), { recursive: true })
  await downloadTo(`${url}/marcap.csv`, path, op.signal)
  return { name: `generated history ${url}`, format: 'csv', paths: [path] }
}

export async function locateStocks(op: OperatorContext, connId: string): Promise<StockFiles> {
  const connection = await op.client.getConnection(connId)
  if (connection === null) return fetchGenerated(op, connId)
  if (connection.type !== 'file' && connection.type !== 'directory' && connection.type !== 'fs')
    throw new ConnectionUnusableError(connId, `it must be of type file, with extra.path, found ${connection.type}`)
  const path = folderOf(connection)
  return { name: path, ...(await filesIn(path)) }
}

/** Of names and bytes, read as a stream. */
export async function checksumOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const path of paths) {
    hash.update(basename(path))
    // createReadStream without an encoding yields Buffers; its type says `any`.
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk)
  }
  return hash.digest('hex')
}
