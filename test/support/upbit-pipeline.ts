// The three tasks of min_candle, run by hand as a worker would run them, on embedded backends in a folder.

import { hdfsUpload } from '../../operators/lake/hdfs-upload.ts'
import { hiveExternalTable, type LoadedFile } from '../../operators/warehouse/hive-external-table.ts'
import { CANDLE_COLUMNS } from '../../pipelines/upbit/candle.ts'
import { type CollectCandles, collectCandles } from '../../pipelines/upbit/collect.ts'
import { type RunInfo, runInScope } from '../../sdk/context.ts'
import { madeUpContext } from './operator-context.ts'

export interface SlotRun {
  readonly embeddedRoot: string
  readonly exchangeUrl: string
  readonly run: RunInfo
  readonly tryNumber?: number
  readonly collect?: CollectCandles
}

const toHdfs = hdfsUpload({ target: (run, { file_name }) => `/candle/dt=${run.local.ds}/${file_name}` })
const loadToHive = hiveExternalTable({
  database: 'upbit_lake',
  table: 'candle',
  columns: CANDLE_COLUMNS,
  partitionedBy: ['dt'],
  view: (run) => `candle_${run.local.dsNodash.slice(2)}`,
})

export interface SlotResult {
  readonly loaded: LoadedFile
  readonly sha256: string
}

export async function runSlot({
  embeddedRoot,
  exchangeUrl,
  run,
  tryNumber = 1,
  collect = {},
}: SlotRun): Promise<SlotResult> {
  const variables = new Map([['upbit_simulated_url', exchangeUrl]])
  const op = (taskId: string) => madeUpContext({ embeddedRoot, run, taskId, tryNumber, variables })
  const source = await runInScope(op('min_candle'), () => collectCandles(collect))
  const location = await toHdfs.execute(op('to_hdfs'), { source })
  const loaded = await loadToHive.execute(op('load_to_hive'), { location })
  return { loaded, sha256: location.sha256 }
}

/** The slots of a range, each of so many minutes, as a schedule in Seoul would cut them: none crosses midnight there. */
export function slotsBetween(start: number, end: number, minutes: number): readonly { start: Date; end: Date }[] {
  const slots: { start: Date; end: Date }[] = []
  for (let at = start; at < end; ) {
    const midnight = Math.floor((at + 9 * 3_600_000) / 86_400_000 + 1) * 86_400_000 - 9 * 3_600_000
    const until = Math.min(at + minutes * 60_000, midnight, end)
    slots.push({ start: new Date(at), end: new Date(until) })
    at = until
  }
  return slots
}
