// `baram/operators/window-sinks`: where `consumeWindow` can put a window, each record once.

export { addHourPartitions, type HourPartitions } from './hour-partitions.ts'
export { type LakeSink, lakeSink } from './lake-sink.ts'
export { type PostgresSink, postgresSink } from './postgres-sink.ts'
export { type PostgresState, postgresState } from './postgres-state.ts'
