// Lake paths: absolute, with `/`, and such that both a folder and HDFS can hold them.

/** A path that no lake may be asked for. */
export class LakePathError extends Error {
  override readonly name = 'LakePathError'
  constructor(path: string, problem: string) {
    super(`lake path ${JSON.stringify(path)} ${problem}`)
  }
}

/**
 * The path itself, once it is known to be safe. Korean and spaced names are fine; a colon is not, since HDFS refuses it
 * and a pipeline must not work on the embedded lake only.
 * @throws LakePathError
 */
export function lakePath(path: string): string {
  if (!path.startsWith('/')) throw new LakePathError(path, 'must be absolute, such as /candle/dt=2024-03-18/x.parquet')
  if (path === '/') return path
  if (path.includes('\0')) throw new LakePathError(path, 'must not hold a NUL character')
  if (path.includes(':')) throw new LakePathError(path, 'must not hold a colon: HDFS refuses it')
  for (const segment of path.slice(1).split('/')) {
    if (segment === '') throw new LakePathError(path, 'must not hold an empty name (// or a / at its end)')
    if (segment === '.' || segment === '..') throw new LakePathError(path, `must not hold ${segment}`)
  }
  return path
}

/** The folder of a path; that of a name at the top is `/`. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf('/')
  return at <= 0 ? '/' : path.slice(0, at)
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function childOf(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`
}

/** FNV-1a, 32 bits: enough to keep two ids apart that differ only in characters a file name cannot hold. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash.toString(16).padStart(8, '0')
}

/** A file name made of any text (`scheduled__2024-03-18T00:00:00+00:00`): readable, and different texts stay different. */
export function safeName(text: string): string {
  const safe = text
    .replaceAll(/[^A-Za-z0-9_.-]/g, '_')
    .replace(/^\./, '_')
    .slice(0, 120)
  return safe === text && text !== '' ? text : `${safe}.${shortHash(text)}`
}
