// The lake on HDFS, over WebHDFS: the npm package webhdfs with what it lacks (webhdfs/), behind the lake port.
//
// What is atomic and what is not:
// - `rename` is one transaction of the NameNode, with and without `overwrite`: another client sees the old file or the
//   new one, never neither and never a mix. Only who has the *old* file open may find its blocks gone while reading on.
// - `write` sends to a hidden name beside the file and renames: a DataNode keeps, closed and short, what a broken
//   connection sent, and may do so after the sender has removed it. Such a remainder starts with a dot, which Hive and
//   our warehouse do not read. Still, bytes may be damaged on their way: write to staging, verify, rename.
// - A NameNode that fails over between a call and its answer leaves the caller in doubt. Rename and delete look then
//   whether it was done, instead of telling that there is nothing to do.

import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { ConnectionResult, OperatorContext } from '../../../sdk/index.ts'
import type { Lake, LakeChecksum, LakeEntry, LakeOptions } from '../lake.ts'
import { childOf, lakePath, parentOf } from '../paths.ts'
import { BeyondPackage } from './beyond-package.ts'
import { type Answer, accepted, answerOf, encodePath, packageClients } from './client.ts'
import { type WebHdfsTarget, webHdfsTarget } from './connection.ts'
import { download } from './download.ts'
import { isRecord, WebHdfsAnswerError, WebHdfsError, type Where } from './errors.ts'
import { type Attempt, NameNodes } from './failover.ts'
import type { PackageRequest, WebHdfsPackage } from './package.ts'
import { Chunks, NothingSentError, upload } from './upload.ts'

/** How HDFS says that a rename cannot be done as things are; all else is an error. */
const RENAME_REFUSED = ['FileNotFoundException', 'FileAlreadyExistsException', 'ParentNotDirectoryException']

interface Status {
  readonly type: 'FILE' | 'DIRECTORY'
  readonly length: number
  readonly pathSuffix: string
  /** Of the inode: it stays the same through a rename. */
  readonly fileId: number
}

function statusFrom(value: unknown, where: Where): Status {
  if (isRecord(value)) {
    const { type, length, pathSuffix, fileId } = value as Readonly<Record<keyof Status, unknown>>
    const isKnown = type === 'FILE' || type === 'DIRECTORY'
    if (isKnown && typeof length === 'number' && typeof pathSuffix === 'string')
      return { type, length, pathSuffix, fileId: Number(fileId ?? 0) }
  }
  throw new WebHdfsAnswerError(where, `expected a FileStatus, found ${String(JSON.stringify(value)).slice(0, 200)}`)
}

function entryOf(path: string, { type, length }: Status): LakeEntry {
  return type === 'DIRECTORY' ? { path, kind: 'folder', length: 0 } : { path, kind: 'file', length }
}

const said = (error: unknown, ...exceptions: readonly string[]) =>
  error instanceof WebHdfsError && exceptions.includes(error.exception)

/** HDFS tells two refusals of a rename as a bare IOException, apart only by its words. */
function isRenameRefused(error: unknown): boolean {
  if (said(error, ...RENAME_REFUSED)) return true
  return said(error, 'IOException') && /must both be directories|directory is not empty/.test(String(error))
}

type Clients = ReturnType<typeof packageClients>

class WebHdfsLake implements Lake {
  readonly name: string
  readonly #target: WebHdfsTarget
  readonly #clients: Clients
  readonly #nameNodes: NameNodes
  readonly #beyond: BeyondPackage
  readonly #secrets: readonly string[]

  constructor(target: WebHdfsTarget, clients: Clients, log: OperatorContext['log']) {
    this.name = `HDFS at ${target.nameNodes.join(', ')}`
    this.#target = target
    this.#clients = clients
    this.#nameNodes = new NameNodes(target.nameNodes, target.failoverMs, log)
    this.#beyond = new BeyondPackage(target)
    this.#secrets = [target.token, target.password].filter((secret) => secret !== '')
  }

  async write(path: string, source: AsyncIterable<Uint8Array>, { signal }: LakeOptions = {}): Promise<number> {
    lakePath(path)
    const chunks = new Chunks(source)
    const hidden = childOf(parentOf(path), `._${randomUUID()}.part`)
    try {
      const broken = await this.#nameNodes.call(signal, ({ nameNode }) =>
        this.#upload(hidden, chunks, nameNode, signal),
      )
      if (broken !== null) throw broken.reason
      if (await this.rename(hidden, path, { overwrite: true })) return chunks.bytes
      throw new Error(`${this.name}: ${path} cannot be written: a folder has that name, or somebody removed ${hidden}`)
    } catch (error) {
      // The reason is told, also when HDFS does not answer any more.
      await this.delete(hidden).catch(() => false)
      throw error
    } finally {
      await chunks.close().catch(() => undefined)
    }
  }

  async stat(path: string): Promise<LakeEntry | null> {
    const found = await this.#status(lakePath(path))
    return found === null ? null : entryOf(path, found)
  }

  async checksum(path: string, { signal }: LakeOptions = {}): Promise<LakeChecksum | null> {
    lakePath(path)
    return this.#nameNodes.call(signal, async ({ nameNode }) => {
      const where = this.#where(`GETFILECHECKSUM ${path}`, nameNode)
      const operation = { method: 'GET', path, query: { op: 'GETFILECHECKSUM' } } as const
      const { FileChecksum: checksum } = accepted(await this.#beyond.send(operation, where, signal), where)
      if (isRecord(checksum) && typeof checksum['bytes'] === 'string')
        return { kind: 'hdfs-md5-of-crc', value: checksum['bytes'].toLowerCase() }
      throw new WebHdfsAnswerError(where, 'expected a FileChecksum')
    })
  }

  async rename(from: string, to: string, { overwrite = false } = {}): Promise<boolean> {
    const before = await this.#status(lakePath(from))
    lakePath(to)
    if (before === null) return false
    return this.#nameNodes.call(undefined, async ({ nameNode, isRepeated }) => {
      const where = this.#where(`RENAME ${from} to ${to}`, nameNode)
      // Without options HDFS would move the source *into* a target that is a folder, and call that a success.
      const query = { op: 'RENAME', destination: to, renameoptions: overwrite ? 'OVERWRITE' : 'NONE' }
      const answer = await this.#beyond.send({ method: 'PUT', path: from, query }, where, undefined)
      if (answer.status === 200) return true
      try {
        accepted(answer, where)
      } catch (error) {
        if (!isRenameRefused(error)) throw error
      }
      return isRepeated && (await this.#status(to))?.fileId === before.fileId
    })
  }

  async read(path: string, { signal }: LakeOptions = {}): Promise<Readable> {
    lakePath(path)
    return this.#nameNodes.call(signal, ({ nameNode }) => {
      const where = this.#where(`OPEN ${path}`, nameNode)
      const limits = { timeoutMs: this.#target.timeoutMs, signal }
      return download(() => this.#client(nameNode).createReadStream(encodePath(path)), where, limits)
    })
  }

  async list(path: string): Promise<readonly LakeEntry[]> {
    lakePath(path)
    const found = await this.#unlessMissing(`LISTSTATUS ${path}`, (client, done) =>
      client.readdir(encodePath(path), done),
    )
    const { FileStatuses: list } = found?.body ?? {}
    if (found === null) return []
    if (!isRecord(list) || !Array.isArray(list['FileStatus']))
      throw new WebHdfsAnswerError(found.where, 'expected FileStatuses')
    const children = list['FileStatus'].map((status) => statusFrom(status, found.where))
    // Asked for a file, HDFS lists that file itself, without a name.
    return children
      .filter(({ pathSuffix }) => pathSuffix !== '')
      .map((status) => entryOf(childOf(path, status.pathSuffix), status))
      .sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  async mkdirs(path: string): Promise<void> {
    lakePath(path)
    await this.#metadata(`MKDIRS ${path}`, (client, done) => client.mkdir(encodePath(path), '755', done))
  }

  async delete(path: string, { recursive = false } = {}): Promise<boolean> {
    lakePath(path)
    try {
      const { body, isRepeated } = await this.#metadata(`DELETE ${path}`, (client, done) =>
        client.unlink(encodePath(path), recursive, done),
      )
      return body['boolean'] === true || isRepeated
    } catch (error) {
      if (said(error, 'PathIsNotEmptyDirectoryException')) return false
      throw error
    }
  }

  #client(nameNode: string, kind: 'calls' | 'uploads' = 'calls'): WebHdfsPackage {
    const client = this.#clients.get(nameNode)?.[kind]
    if (client === undefined) throw new Error(`there is no client for ${nameNode}`)
    return client
  }

  /**
   * One attempt. What stops it before anything is sent is thrown, for another NameNode to be asked; what breaks it off
   * later is returned: the source cannot be read twice, so nobody else may try.
   */
  async #upload(
    path: string,
    chunks: Chunks,
    nameNode: string,
    signal: AbortSignal | undefined,
  ): Promise<Broken | null> {
    const where = this.#where(`CREATE ${path}`, nameNode)
    const options = { overwrite: true, permission: this.#target.permission }
    const start = () => this.#client(nameNode, 'uploads').createWriteStream(encodePath(path), false, options)
    try {
      await upload(chunks, start, where, { timeoutMs: this.#target.timeoutMs, signal })
      return null
    } catch (reason) {
      if (reason instanceof NothingSentError) throw reason.cause
      return { reason }
    }
  }

  #where(what: string, nameNode: string): Where {
    return { what, nameNode, secrets: this.#secrets }
  }

  async #status(path: string): Promise<Status | null> {
    const found = await this.#unlessMissing(`GETFILESTATUS ${path}`, (client, done) =>
      client.stat(encodePath(path), done),
    )
    return found === null ? null : statusFrom(found.body['FileStatus'], found.where)
  }

  async #unlessMissing(what: string, start: Start): Promise<Metadata | null> {
    try {
      return await this.#metadata(what, start)
    } catch (error) {
      if (said(error, 'FileNotFoundException')) return null
      throw error
    }
  }

  /** One call of the package that answers with JSON. */
  #metadata(what: string, start: Start): Promise<Metadata> {
    const { timeoutMs } = this.#target
    return this.#nameNodes.call(undefined, async ({ nameNode, isRepeated }: Attempt) => {
      const where = this.#where(what, nameNode)
      const answer: Answer = await answerOf((done) => start(this.#client(nameNode), done), where, { timeoutMs })
      return { body: accepted(answer, where), where, isRepeated }
    })
  }
}

/** A write that broke off after bytes were sent. */
interface Broken {
  readonly reason: unknown
}

type Start = (client: WebHdfsPackage, done: () => void) => PackageRequest

interface Metadata {
  readonly body: Readonly<Record<string, unknown>>
  readonly where: Where
  readonly isRepeated: boolean
}

/** The lake of a connection of type webhdfs. @throws ConnectionUnusableError */
export async function openWebHdfs(op: Pick<OperatorContext, 'log'>, connection: ConnectionResult): Promise<Lake> {
  const target = await webHdfsTarget(op, connection)
  return new WebHdfsLake(target, packageClients(target), op.log)
}
