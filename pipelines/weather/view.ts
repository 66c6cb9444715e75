// What the reports of hours and of days have in common: the part of the index they show, and whether it holds what was collected.

import type { DocumentIndex, Query, Source } from '../../operators/document-index/index.ts'
import type { OperatorContext } from '../../sdk/index.ts'
import { kstText } from '../open-data/slot.ts'
import type { CollectedWeather } from './collect.ts'
import type { Station } from './stations.ts'

export interface PublishWeather {
  /** Default `elasticsearch_default`; without it the embedded index in Postgres. */
  readonly indexConnId?: string
  /** Default `weather-hourly`, or `weather-daily`. */
  readonly index?: string
}

export interface View {
  readonly op: OperatorContext
  readonly index: DocumentIndex
  readonly name: string
  readonly stations: readonly Station[]
  /** Epoch ms of the run's last hour: what is later is of later runs. */
  readonly last: number
}

export function numberOf(source: Source | undefined, name: string): number | null {
  const value = source?.[name]
  return typeof value === 'number' ? value : null
}

/** Documents of these stations from one moment to the other, both inclusive. */
export const between = (stations: readonly string[], first: number, last: number): Query => ({
  and: [
    { terms: { field: 'station', values: stations } },
    { range: { field: 'tm', gte: kstText(first), lte: kstText(last) } },
  ],
})

/** What the run has collected is in the index: as many documents as were put, or some were lost. */
export async function checkCount(
  { op, index, name, last }: View,
  collected: readonly CollectedWeather[],
  first: number,
): Promise<void> {
  const rowsRead = collected.reduce((sum, { documents }) => sum + documents, 0)
  const stations = collected.map(({ station }) => station)
  const rowsWritten = await index.count(name, between(stations, first, last))
  const target = `${index.name} ${name} (counted)`
  // More is no loss: the service has taken back what an earlier run has stored.
  await op.record({ kind: 'index', target, rowsRead, rowsWritten }, rowsWritten < rowsRead ? 'fail' : 'warn')
}
