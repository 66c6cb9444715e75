// `baram/pipelines/stocks`: the KRX market-cap history, replayed and searched.

export { type IndexedStocks, type IndexStocks, indexStocks } from './index-stocks.ts'
export { type ReplayedStocks, type ReplayStocks, replayStocks } from './replay.ts'
export { type SearchConnections, type StockQuery, type StockSearch, searchStocks } from './search.ts'
