// `baram/pipelines/cars`: points of connected vehicles, as a stream into Postgres and the lake.

export type { StreamOptions } from '../stream-options.ts'
export { collectCars } from './consume.ts'
export { type ProduceCars, type ProducedCars, produceCars } from './produce.ts'
export { type ReconcileCars, type ReconciledCars, reconcileCars } from './reconcile.ts'
