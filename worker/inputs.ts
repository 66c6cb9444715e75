// The arguments of an attempt: literals, upstream values, all values of a mapped upstream, and the items of the author's
// lists that belong to one mapped instance.

import { inputOf, itemInputs } from '../core/arguments.ts'
import type { DagGraph } from '../core/graph.ts'
import type { JsonValue } from '../core/json.ts'
import type { AttemptInput } from '../core/protocol.ts'
import type { SerializedInput, TaskMapping } from '../core/serialized.ts'
import type { Database } from '../store/database.ts'
import { getReturnValues, getValueStamp } from '../store/postgres/xcoms.ts'

/** Values of unmapped tasks that this worker has just reported, by run and task: the next hop need not read them back. */
export type FreshValues = ReadonlyMap<string, JsonValue>
export const freshKey = (dagRunId: number, taskId: string) => `${dagRunId}/${taskId}`

/** What is asked for: an attempt as the transaction gave it. */
export interface InputsOf {
  readonly dagRunId: number
  readonly mapIndex: number
  readonly task: { readonly inputs: readonly SerializedInput[]; readonly mapping: TaskMapping | null }
}

/** Lists kept for the thousands of instances that each read one item of them. */
const MAX_KEPT = 8

interface Kept {
  readonly stamp: string
  readonly value: JsonValue | undefined
}

export class Inputs {
  private readonly database: Database
  private readonly kept = new Map<string, Kept>()

  constructor(database: Database) {
    this.database = database
  }

  /** @throws BaramError INPUT_INVALID when an item cannot be an argument */
  async read(of: InputsOf, graph: DagGraph, fresh: FreshValues): Promise<AttemptInput[]> {
    const plain = await this.readPlain(of, graph, fresh)
    return of.task.mapping === null ? plain : [...plain, ...(await this.readItems(of, of.task.mapping, graph))]
  }

  private async readPlain(of: InputsOf, graph: DagGraph, fresh: FreshValues): Promise<AttemptInput[]> {
    const { dagRunId } = of
    const unread = of.task.inputs.flatMap((input) =>
      input.kind === 'ref' && !fresh.has(freshKey(dagRunId, input.taskId)) ? [input.taskId] : [],
    )
    const stored = unread.length === 0 ? new Map<string, JsonValue>() : await this.load(dagRunId, unread, graph)
    return of.task.inputs.map((input) => {
      if (input.kind === 'literal') return { name: input.name, value: input.value }
      const key = freshKey(dagRunId, input.taskId)
      // A null that the upstream returned is a value, not a missing one.
      return inputOf(input, fresh.has(key) ? fresh.get(key) : stored.get(input.taskId))
    })
  }

  /** Of each task what its ref stands for: its value, or the list of all values when it is mapped. */
  private async load(
    dagRunId: number,
    taskIds: readonly string[],
    graph: DagGraph,
  ): Promise<ReadonlyMap<string, JsonValue>> {
    const rows = await getReturnValues(this.database, dagRunId, taskIds)
    const values = new Map<string, JsonValue>()
    for (const taskId of taskIds) {
      const found = rows.get(taskId) ?? []
      const isMapped = (graph.find(taskId)?.mapping ?? null) !== null
      if (isMapped)
        values.set(
          taskId,
          found.filter((row) => row.mapIndex >= 0).map((row) => row.value),
        )
      else if (found[0] !== undefined) values.set(taskId, found[0].value)
    }
    return values
  }

  private async readItems(of: InputsOf, mapping: TaskMapping, graph: DagGraph): Promise<AttemptInput[]> {
    const sources: JsonValue[] = []
    for (const input of mapping.over) {
      const value = input.kind === 'literal' ? input.value : await this.keep(of.dagRunId, input.taskId, graph)
      if (value === undefined) return [inputOf(input, undefined)]
      sources.push(value)
    }
    return itemInputs(mapping, sources, of.mapIndex)
  }

  /** A list that many instances read: kept while what is stored is what was read. */
  private async keep(dagRunId: number, taskId: string, graph: DagGraph): Promise<JsonValue | undefined> {
    const key = freshKey(dagRunId, taskId)
    const stamp = await getValueStamp(this.database, dagRunId, taskId)
    const known = this.kept.get(key)
    if (known?.stamp === stamp) return known.value
    const value = (await this.load(dagRunId, [taskId], graph)).get(taskId)
    this.kept.delete(key)
    this.kept.set(key, { stamp, value })
    if (this.kept.size > MAX_KEPT) this.kept.delete(this.kept.keys().next().value ?? '')
    return value
  }
}
