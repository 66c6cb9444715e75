// A folder that holds data: is it there to stay, may it be written, is there room?

import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { type Check, failed, ok, tried, warning } from './check.ts'

/** Cleared at a restart, or by a cleaner. */
const VOLATILE_FOLDERS = ['/tmp', '/var/tmp', '/run', '/dev/shm']
/** Of `statfs`: tmpfs and ramfs. */
const MEMORY_FILE_SYSTEMS = new Set([0x01021994, 0x858458f6])
const LEAST_FREE_BYTES = 1_073_741_824

const isBelow = (path: string, folder: string) => path === folder || path.startsWith(folder + sep)

/** @param path of this host, or of a server's own: then only its name tells */
export function volatileFolder(path: string): string | null {
  return VOLATILE_FOLDERS.find((folder) => isBelow(path, folder)) ?? null
}

export function lastingCheck(name: string, path: string, isInMemory = false): Check {
  const folder = volatileFolder(path)
  if (folder === null && !isInMemory) return ok(name, `${path} is kept when the host restarts`)
  const why = isInMemory ? 'in memory' : `below ${folder}, which is cleared`
  return warning(name, `${path} is ${why}: its data is gone after a restart`, {
    en: `Move the data to a folder on disk that nobody clears, such as /var/lib/…, and name it in the configuration.`,
    ko: `데이터를 재시작해도 지워지지 않는 디스크 폴더(예: /var/lib/…)로 옮기고 설정에 그 폴더를 적으세요.`,
  })
}

const notWritable = (path: string) => ({
  en: `Give this user the right to write to ${path} (chown, chmod), or name another folder.`,
  ko: `${path}에 쓸 권한을 이 사용자에게 주거나(chown, chmod) 다른 폴더를 지정하세요.`,
})

const writableCheck = (path: string) =>
  tried('writable', notWritable(path), async () => {
    const file = join(path, `.baram-doctor-${process.pid}`)
    await mkdir(path, { recursive: true })
    await writeFile(file, 'baram')
    await rm(file)
    return ok('writable', `a file in ${path} was written and removed`)
  })

async function roomCheck(path: string): Promise<Check> {
  const { bavail, bsize } = await statfs(path)
  const free = bavail * bsize
  const told = `${(free / 1_073_741_824).toFixed(1)} GiB free at ${path}`
  if (free >= LEAST_FREE_BYTES) return ok('room', told)
  return failed('room', told, {
    en: 'Free the disk, or move the folder to a larger one: a full disk stops every writer.',
    ko: '디스크를 비우거나 더 큰 디스크로 옮기세요. 디스크가 가득 차면 쓰는 작업이 모두 멈춥니다.',
  })
}

/** @param isReadOnly then nothing is written, and a folder that is missing is not made */
export async function* folderChecks(path: string, isReadOnly = false): AsyncGenerator<Check> {
  if (!isReadOnly) yield await writableCheck(path)
  const found = await statfs(path).catch(() => null)
  if (found === null) return
  yield await roomCheck(path)
  yield lastingCheck('lasting', path, MEMORY_FILE_SYSTEMS.has(found.type))
}
