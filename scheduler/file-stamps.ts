// What tells that a file has changed without reading it: where it really lies, its size, times and number. A link that
// was swapped is a change even when the new file has the old one's size and time.

import { realpath, stat } from 'node:fs/promises'

export type Stamps = ReadonlyMap<string, string>

/** The stamps of one listing: each file is looked at once, however many modules hold it. */
export class Stamper {
  private readonly seen = new Map<string, Promise<string>>()

  /** `''` when there is no such file: its coming is a change too. */
  of(path: string): Promise<string> {
    const known = this.seen.get(path)
    if (known !== undefined) return known
    const made = this.look(path)
    this.seen.set(path, made)
    return made
  }

  private async look(path: string): Promise<string> {
    try {
      const [real, { size, mtimeMs, ctimeMs, ino, dev }] = await Promise.all([realpath(path), stat(path)])
      return `${real}|${size}|${mtimeMs}|${ctimeMs}|${dev}|${ino}`
    } catch {
      return ''
    }
  }

  async ofAll(paths: readonly string[]): Promise<Stamps> {
    return new Map(await Promise.all(paths.map(async (path) => [path, await this.of(path)] as const)))
  }

  /** Whether any of the files is another now. */
  async haveChanged(before: Stamps): Promise<boolean> {
    for (const [path, stamp] of before) if ((await this.of(path)) !== stamp) return true
    return false
  }
}
