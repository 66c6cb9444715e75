// `baram/pipelines/gmarket`: Gmarket's best 100, hour by hour.

export { type Category, GMARKET_CATEGORIES } from './categories.ts'
export { type CheckedHours, type CheckHours, checkHours } from './check-hours.ts'
export { BEST_COLUMNS } from './columns.ts'
export { type CategoryFile, type CrawlBest, crawlBest } from './crawl.ts'
export { BestListError } from './items.ts'
export { fillMart, type MartConnections, type MartRequest, type MartResult } from './mart.ts'
export { type ReadProductPages, readProductPages, type XpathFile } from './product-pages.ts'
export { type StoreBest, type StoredHour, storeBest } from './store.ts'
