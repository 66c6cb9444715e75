// A scratch file into the lake: staged, verified, then made visible by one rename.
//
// Killed anywhere, the next try ends in the same place: staging of earlier tries is swept, a target that already holds
// these bytes is success, and a scratch file that is gone is fine once the target proves that an earlier try had
// published it.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { defineOperator, FailTask, getOperatorContext, type OperatorContext, type RunInfo } from '../../sdk/index.ts'
import { removeScratch, type ScratchFile, scratchExists } from '../scratch/scratch.ts'
import type { Lake } from './lake.ts'
import { openLake } from './open.ts'
import { childOf, lakePath, nameOf, parentOf, safeName } from './paths.ts'
import { holds } from './verify.ts'

const STAGING = '._tmp'

/** A file that is in the lake (the task's XCom). */
export type LakeFile = {
  /** In the lake. */
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  readonly rows: number
}

export interface HdfsUploadOptions {
  /** Default `hdfs_default`; without such a connection the embedded lake is used. */
  readonly connId?: string
  /**
   * Path in the lake: a template (`'/candle/dt={{local.ds}}/{{local.ts_nodash}}.parquet'`) or a function. Make it from
   * the run's slot, never from the clock or the try: then a re-run replaces its own file. A colon is refused, so no
   * `{{ts}}`.
   */
  readonly target: string | ((run: RunInfo, source: ScratchFile) => string)
  /** For tests: another lake than the connection's. */
  readonly open?: (op: OperatorContext, connId: string) => Promise<Lake>
}

/** What arrived differs from what was sent. A retry uploads again. */
export class UploadDamagedError extends Error {
  override readonly name = 'UploadDamagedError'
}

interface Upload {
  readonly op: OperatorContext
  readonly lake: Lake
  readonly source: ScratchFile
  readonly target: string
}

/**
 * All tries of this task instance share it and nobody else does: a space cannot stand in the first three ids, so they
 * stay apart.
 */
function stagingPrefix(op: OperatorContext): string {
  return `${safeName([op.dagId, op.taskId, op.mapIndex, op.runId].join(' '))}-`
}

function stagingFolder({ op, target }: Upload): string {
  return childOf(childOf(parentOf(target), STAGING), `${stagingPrefix(op)}${op.tryNumber}`)
}

/** Removes what this or an earlier try staged, and the staging folder itself once nobody else uses it. */
async function sweepStaging({ op, lake, target }: Upload): Promise<void> {
  const folder = childOf(parentOf(target), STAGING)
  const prefix = stagingPrefix(op)
  for (const entry of await lake.list(folder)) {
    const name = nameOf(entry.path)
    const isOurs = name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length))
    if (isOurs) await lake.delete(entry.path, { recursive: true })
  }
  await lake.delete(folder)
}

async function* hashed(path: string, update: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  // createReadStream without an encoding yields Buffers; its type says `any`.
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    update(chunk)
    yield chunk
  }
}

async function stage(upload: Upload): Promise<string> {
  const { op, lake, source } = upload
  const staged = childOf(stagingFolder(upload), nameOf(upload.target))
  const hash = createHash('sha256')
  const sent = await lake.write(
    staged,
    hashed(source.local_file_path, (chunk) => hash.update(chunk)),
    { signal: op.signal },
  )
  if (sent !== source.bytes || hash.digest('hex') !== source.sha256) {
    throw new FailTask(
      `the scratch file ${source.local_file_path} is not the one that was reported (${source.bytes} bytes, sha256 ${source.sha256}): ` +
        'clear the task that wrote it',
    )
  }
  if (!(await holds(upload.lake, staged, upload.source, upload.op.signal))) {
    throw new UploadDamagedError(`${lake.name}: what arrived at ${staged} differs from ${source.local_file_path}`)
  }
  return staged
}

/** @returns whether another file was replaced */
async function publish(upload: Upload, staged: string): Promise<boolean> {
  const { lake, target } = upload
  const replaced = (await lake.stat(target)) !== null
  if (await lake.rename(staged, target, { overwrite: replaced })) return replaced
  // Someone was first, or the lake refused. If the same bytes are there now, the work is done.
  if (await holds(upload.lake, target, upload.source, upload.op.signal)) return false
  throw new UploadDamagedError(`${lake.name} refused to rename ${staged} to ${target}; a retry begins anew`)
}

async function upload(request: Upload): Promise<void> {
  const { op, lake, source, target } = request
  await sweepStaging(request)
  if (await holds(request.lake, target, request.source, request.op.signal)) {
    op.log.info(
      { target, bytes: source.bytes, sha256: source.sha256 },
      'the lake already holds this very file: nothing to upload',
    )
    return
  }
  if (!(await scratchExists(source.local_file_path))) {
    throw new FailTask(
      `the scratch file ${source.local_file_path} is gone and ${target} does not hold it: clear the task that writes it ` +
        '(both tasks must run on one host, or share the folder of scratch_default)',
    )
  }
  const staged = await stage(request)
  const replaced = await publish(request, staged)
  op.log.info(
    { target, rows: source.rows, bytes: source.bytes, sha256: source.sha256, replaced, lake: lake.name },
    'uploaded, verified and published',
  )
}

/** Uploads, verifies, publishes, tells, and removes the scratch file. */
async function moveToLake(request: Upload): Promise<LakeFile> {
  const { op, source, target } = request
  await upload(request)
  await sweepStaging(request)
  const { rows, bytes, sha256 } = source
  await op.record({ kind: 'lake', target, rowsRead: rows, rowsWritten: rows, bytes, checksum: `sha256:${sha256}` })
  await removeScratch(source.local_file_path)
  return { path: target, bytes, sha256, rows }
}

/**
 * What `hdfsUpload` does, as a function for a task that has several files. Safe to repeat at any point.
 * @param to.target made from the run's slot, never from the clock or the try
 */
export async function uploadToLake(
  source: ScratchFile,
  { connId = 'hdfs_default', target }: { readonly connId?: string; readonly target: string },
): Promise<LakeFile> {
  const op = getOperatorContext('uploadToLake')
  return moveToLake({ op, lake: await openLake(op, connId), source, target: lakePath(target) })
}

/** Moves the file of an earlier task into the lake. Its XCom says where it is. Safe to repeat at any point. */
export function hdfsUpload(options: HdfsUploadOptions) {
  const { connId = 'hdfs_default', target, open = openLake } = options
  return defineOperator({
    name: 'HdfsUploadOperator',
    options: { connId, target: typeof target === 'string' ? target : '(made from the run)' },
    templateFields: ['target'],
    async execute(op: OperatorContext, { source }: { source: ScratchFile }, rendered): Promise<LakeFile> {
      const path = lakePath(typeof target === 'string' ? rendered.target : target(op.run, source))
      return moveToLake({ op, lake: await open(op, connId), source, target: path })
    },
  })
}
