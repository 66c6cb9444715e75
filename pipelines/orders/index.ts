// `baram/pipelines/orders`: orders and visits of a shop as streams, counted by window, and the same as a batch.

export type { StreamOptions } from '../stream-options.ts'
export { type CheckedShop, type CheckShop, checkShop, ShopDiffersError } from './check.ts'
export { collectOrders, collectShopEvents } from './consume.ts'
export { type ProducedOrders, type ProduceOrders, produceOrders } from './produce.ts'
export { type PublishedShop, type PublishShop, publishShop } from './publish.ts'
export {
  type ComparedSpark,
  compareSpark,
  ORDER_WINDOWS_JOB,
  type PlanSpark,
  planSpark,
  SparkDiffersError,
  type SparkPlan,
} from './spark.ts'
