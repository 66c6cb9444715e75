// The state stores of Airflow's SDK. Their names and types are here; the stores themselves are not built yet, and say so.

import type { JsonValue } from '../core/json.ts'
import type { Asset, AssetRef } from './assets.ts'

/** Retention of a value that is kept for ever. */
export const NEVER_EXPIRE: number = Number.POSITIVE_INFINITY

export interface TaskStateSetOpts {
  /** Seconds; default 30 days. */
  readonly retention?: number
}

/** Values of one task instance that outlive its tries. */
export interface TaskStateStore {
  get<T = unknown>(key: string): Promise<T | null>
  set(key: string, value: JsonValue, opts?: TaskStateSetOpts): Promise<void>
  delete(key: string): Promise<void>
  clear(): Promise<void>
}

/** Values of one asset, whatever the run. */
export interface AssetStateStore {
  get<T = unknown>(key: string): Promise<T | null>
  set(key: string, value: JsonValue): Promise<void>
  delete(key: string): Promise<void>
  clear(): Promise<void>
}

export interface AssetStateStores {
  forAsset(asset: Asset | AssetRef): AssetStateStore
}

export interface StateStores {
  readonly taskStateStore: TaskStateStore
  readonly assetStateStore: AssetStateStores
}

function missing(store: string) {
  const refuse = (method: string) => () =>
    Promise.reject(
      new Error(`${store}.${method}: Baram has no state stores yet; keep the value in an XCom or a Variable`),
    )
  return { get: refuse('get'), set: refuse('set'), delete: refuse('delete'), clear: refuse('clear') }
}

/** Stores that say that they are not built yet. */
export const MISSING_STORES: StateStores = {
  taskStateStore: missing('taskStateStore'),
  assetStateStore: { forAsset: () => missing('assetStateStore') },
}
