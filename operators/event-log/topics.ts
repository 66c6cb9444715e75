// Topics of the embedded log: `<topic>/topic.json` says how many partitions one has and which time its records carry.

import { join } from 'node:path'
import { checkTopic, type TimestampType, UnknownTopicError } from './event-log.ts'
import { isRecord, readJson, writeWhole } from './files.ts'

export interface Topic {
  readonly partitions: number
  readonly timestampType: TimestampType
}

export class TopicFiles {
  readonly #folder: string
  readonly #log: string
  readonly #known = new Map<string, Topic>()

  /** @param log its name, for errors */
  constructor(folder: string, log: string) {
    this.#folder = folder
    this.#log = log
  }

  /** null when there is no such topic. What was found once is kept: a topic does not change. */
  async find(topic: string): Promise<Topic | null> {
    const known = this.#known.get(topic)
    if (known !== undefined) return known
    const value = await readJson(this.#file(topic))
    if (!isRecord(value)) return null
    const found: Topic = {
      partitions: Number(value['partitions']),
      timestampType: value['timestampType'] === 'append' ? 'append' : 'create',
    }
    this.#known.set(topic, found)
    return found
  }

  /** @throws UnknownTopicError */
  async require(topic: string): Promise<Topic> {
    const found = await this.find(checkTopic(topic))
    if (found === null) throw new UnknownTopicError(topic, this.#log)
    return found
  }

  /** For the lock's holder alone. */
  async write(topic: string, { partitions, timestampType }: Topic): Promise<void> {
    await writeWhole(this.#file(topic), JSON.stringify({ partitions, timestampType }))
  }

  #file(topic: string): string {
    return join(this.#folder, topic, 'topic.json')
  }
}
