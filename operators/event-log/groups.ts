// Stored offsets of the embedded log: one small file a group, replaced at once; only the lock's holder writes.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Position } from './event-log.ts'
import { isRecord, readJson, writeWhole } from './files.ts'

/** A file name of any text: readable where it can be, and different texts stay different. */
export function fileNameOf(text: string): string {
  const name = encodeURIComponent(text)
  if (name.length <= 120) return name
  return `${name.slice(0, 80)}.${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
}

type Stored = Readonly<Record<string, Readonly<Record<string, number>>>>

export class GroupOffsets {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** By partition; partitions without one are missing. */
  async of(group: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const offsets = (await this.#read(group))[topic] ?? {}
    return new Map(Object.entries(offsets).map(([partition, offset]) => [Number(partition), offset]))
  }

  async store(group: string, positions: readonly Position[], options: { readonly durable: boolean }): Promise<void> {
    const stored: Record<string, Record<string, number>> = {}
    for (const [topic, offsets] of Object.entries(await this.#read(group))) stored[topic] = { ...offsets }
    for (const { topic, partition, offset } of positions)
      stored[topic] = { ...stored[topic], [String(partition)]: offset }
    await writeWhole(this.#file(group), JSON.stringify({ group, offsets: stored }), options)
  }

  async #read(group: string): Promise<Stored> {
    const value = await readJson(this.#file(group))
    // Written by `store` alone, and whole or not at all.
    return isRecord(value) && isRecord(value['offsets']) ? (value['offsets'] as Stored) : {}
  }

  #file(group: string): string {
    return join(this.#folder, `${fileNameOf(group)}.json`)
  }
}
