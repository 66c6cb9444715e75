// `baram/operators`: the operators and the ports behind them.

export * from './bash/index.ts'
export * from './document-index/index.ts'
export * from './event-log/index.ts'
export * from './external-task/index.ts'
export * from './file/index.ts'
export * from './gmarket/index.ts'
export * from './http/index.ts'
export * from './lake/index.ts'
export * from './parquet/index.ts'
export * from './postgres/index.ts'
export * from './upbit/index.ts'
export * from './warehouse/index.ts'
