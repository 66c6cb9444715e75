// The calls of a day, counted for all tasks of this host: a file a day whose length is the number. An append of one byte is
// atomic, so two tasks at once never share a number. What other hosts call only the server knows: its code 22 has the last word.

import { createHash } from 'node:crypto'
import { appendFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { dayInSeoul } from './day.ts'

export interface CountedCalls {
  /** Of the count's files; absolute. */
  readonly folder: string
  readonly perDay: number
  readonly clock: Clock
}

export class DailyCalls {
  readonly #counted: CountedCalls
  #tidiedOn = ''

  constructor(counted: CountedCalls) {
    this.#counted = counted
  }

  get perDay(): number {
    return this.#counted.perDay
  }

  /**
   * Counts one call. @param owner whose calls they are: a key at a service. Only its hash becomes a name.
   * @returns whether it may be made: the day's calls are not used up
   */
  async spend(owner: string): Promise<boolean> {
    const { folder, perDay, clock } = this.#counted
    const day = dayInSeoul(clock.now())
    await this.#tidy(day)
    const path = join(folder, `${day}-${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`)
    await appendFile(path, '.')
    // Others may have counted since: that refuses a call too early, never one too late.
    return (await stat(path)).size <= perDay
  }

  /** Earlier days are over. */
  async #tidy(day: string): Promise<void> {
    if (this.#tidiedOn === day) return
    const { folder } = this.#counted
    await mkdir(folder, { recursive: true })
    const old = (await readdir(folder)).filter((name) => name < day)
    await Promise.all(old.map((name) => rm(join(folder, name), { force: true })))
    this.#tidiedOn = day
  }
}
