// `baram/pipelines/prices`: settled prices of the Garak wholesale market in Seoul.

export { type CollectedPrices, type CollectPrices, collectPrices, PRICE_FIELDS, PRICE_INDEX } from './collect.ts'
export { PRICE_ITEMS } from './items.ts'
export type { ItemPrice } from './price.ts'
export { publishPrices } from './reports.ts'
