// The tasks that fill sinks, each as a worker would run it: in a process that is killed, and in the test for its retry.

import { join } from 'node:path'
import type { LogMessage } from '../../operators/event-log/index.ts'
import type { LakeFile } from '../../operators/lake/hdfs-upload.ts'
import type { ScratchFile } from '../../operators/scratch/scratch.ts'
import type { CategoryFile } from '../../pipelines/gmarket/crawl.ts'
import type { ReplayedStocks } from '../../pipelines/stocks/replay.ts'
import { type ConnectionResult, type RunInfo, runInScope } from '../../sdk/context.ts'
import { type MadeUpContext, madeUpContext, runOf } from '../support/made-up-context.ts'

/** What a work needs and where its sinks are; JSON, so that another process can have it. */
export interface World {
  /** Absolute; the embedded backends and the inputs are below. */
  readonly root: string
  /** Topic, index or folder: its own on servers that are shared. */
  readonly name: string
  readonly connections: readonly ConnectionResult[]
  /** What an earlier task would have given: files are named below `root`. */
  readonly given: Given
}

export interface Given {
  readonly files?: readonly ScratchFile[]
  readonly stored?: LakeFile
  readonly replayed?: ReplayedStocks
}

export const NUMBERS = { a: 'STRING', n: 'BIGINT' } as const
export const HOUR = runOf(new Date('2021-03-24T10:00:00Z'), new Date('2021-03-24T11:00:00Z'))
export const hourAfter = ({ runAfter }: RunInfo) => runOf(runAfter, new Date(runAfter.getTime() + 3_600_000))
/** A day in Seoul. */
const DAY = runOf(new Date('2024-03-17T15:00:00Z'), new Date('2024-03-18T15:00:00Z'))
const SLOT = runOf(new Date('2024-03-18T00:00:00Z'), new Date('2024-03-18T00:02:00Z'))

export const UPLOADED = (world: World) => `/${world.name}/dt=2024-03-18/data.bin`
export const indexOf = (world: World) => world.name.toLowerCase()
/** The topic of results. */
export const toldOf = (world: World) => `${world.name}_told`
export const BATCH = 60
/** Fewer records than the topic holds, so that a repeat could reach further. */
const WINDOW = { records: 60, seconds: 0 }

/** Window after window until none is left: a try that was killed after its window is followed by the next one. */
async function drain(collect: () => Promise<{ readonly rowsRead: number }>): Promise<number> {
  for (let windows = 0; ; windows += 1) if ((await collect()).rowsRead === 0) return windows
}

/** More than COPY sends at once. */
export const ROWS = 1_500

/** Rows of a file; of another version none is the same. */
export function* numbers(version: string, count = ROWS): Generator<{ a: string; n: bigint }> {
  for (let i = 0; i < count; i += 1) yield { a: `${version} ${i}`, n: BigInt(i) }
}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the world lacks what the work needs')
  return value
}

/** Paths are told below the root of a world, which each has its own. */
const filesOf = ({ root, given }: World): readonly ScratchFile[] =>
  need(given.files).map((file) => ({ ...file, local_file_path: join(root, file.local_file_path) }))

interface Work {
  readonly run: RunInfo
  act(world: World, op: MadeUpContext): Promise<unknown>
}

/** Each loads what it needs alone: a thousand processes are started, and the clients of all servers are slow to load. */
const WORKS = {
  upload: {
    run: SLOT,
    async act(world) {
      const { uploadToLake } = await import('../../operators/lake/hdfs-upload.ts')
      return uploadToLake(need(filesOf(world)[0]), { target: UPLOADED(world) })
    },
  },
  load: {
    run: SLOT,
    async act(world, op) {
      const { hiveExternalTable } = await import('../../operators/warehouse/hive-external-table.ts')
      const table = { database: 'sinks', table: 'numbers', columns: NUMBERS, partitionedBy: ['dt'] }
      return hiveExternalTable(table).execute(op, { location: need(world.given.stored) })
    },
  },
  compact: {
    run: DAY,
    async act() {
      const { compactDay } = await import('../../pipelines/upbit/daily.ts')
      return compactDay({ database: 'sinks' })
    },
  },
  replay: {
    run: SLOT,
    async act(world) {
      const { replayStocks } = await import('../../pipelines/stocks/replay.ts')
      return replayStocks({ topic: world.name, batch: BATCH })
    },
  },
  index: {
    run: SLOT,
    async act(world) {
      const { indexStocks } = await import('../../pipelines/stocks/index-stocks.ts')
      return indexStocks(need(world.given.replayed), { index: indexOf(world), batch: BATCH })
    },
  },
  weather: {
    run: DAY,
    async act(world) {
      const { collectWeather } = await import('../../pipelines/weather/collect.ts')
      return collectWeather({ id: '108', name: '서울' }, { index: indexOf(world) })
    },
  },
  cars: {
    run: SLOT,
    async act(world) {
      const { collectCars } = await import('../../pipelines/cars/consume.ts')
      return drain(() => collectCars({ topic: world.name, until: WINDOW, idleSeconds: 0 }))
    },
  },
  orders: {
    run: SLOT,
    async act(world) {
      const { collectOrders } = await import('../../pipelines/orders/consume.ts')
      return drain(() => collectOrders({ topic: world.name, until: WINDOW, idleSeconds: 0 }))
    },
  },
  tell: {
    run: SLOT,
    async act(world) {
      const { publishShop } = await import('../../pipelines/orders/publish.ts')
      return publishShop({ topic: toldOf(world), index: indexOf(world) })
    },
  },
  keep: {
    run: SLOT,
    async act(world, op) {
      const [{ consumeWindow }, { postgresSink }] = await Promise.all([
        import('../../operators/event-log/window.ts'),
        import('../../operators/window-sinks/postgres-sink.ts'),
      ])
      const columns = { key: 'text', value: 'text not null' }
      const kept = { table: 'kept', columns, key: ['key'], keepsPositions: true } as const
      const sink = postgresSink({ ...kept, row: ([key, value]: readonly [string, string]) => [key, value] })
      const parse = ({ key, value }: LogMessage) =>
        String(value).startsWith('{') ? { value: [String(key), String(value)] as const } : { fault: 'no object' }
      const options = { topic: world.name, group: 'keep', until: WINDOW, idleSeconds: 0, sinks: [sink], parse }
      return drain(() => runInScope(op, () => consumeWindow(options)))
    },
  },
  mart: {
    run: SLOT,
    async act() {
      const { fillMart } = await import('../../pipelines/gmarket/mart.ts')
      const from = HOUR.dataInterval?.start.toISOString() ?? null
      const request = { from, hours: 2, categories: [], target: 'Postgres table', table: 'dm_sinks', allowGaps: false }
      return fillMart(request)
    },
  },
  store: {
    run: HOUR,
    async act(world) {
      const { storeBest } = await import('../../pipelines/gmarket/store.ts')
      return storeBest(filesOf(world).map((file): CategoryFile => ({ ...file, category: file.file_name })))
    },
  },
  parquet: {
    run: SLOT,
    async act({ root }) {
      const { writeParquet } = await import('../../operators/parquet/write.ts')
      return writeParquet({ path: join(root, 'out/x.parquet'), columns: NUMBERS, rows: numbers('new'), sortBy: ['n'] })
    },
  },
  csv: {
    run: SLOT,
    async act({ root }) {
      const { writeCsv } = await import('../../operators/parquet/write.ts')
      return writeCsv({ path: join(root, 'out/x.csv'), columns: NUMBERS, rows: numbers('new'), sortBy: ['n'] })
    },
  },
} as const satisfies Readonly<Record<string, Work>>

export type WorkName = keyof typeof WORKS

export const contextOf = (world: World, run: RunInfo = SLOT, more: { taskId?: string; tryNumber?: number } = {}) =>
  madeUpContext({ embeddedRoot: world.root, connections: world.connections, run, ...more })

export async function work(name: WorkName, world: World, tryNumber: number): Promise<unknown> {
  const { run, act }: Work = WORKS[name]
  const op = contextOf(world, run, { taskId: name, tryNumber })
  return runInScope(op, () => act(world, op))
}
