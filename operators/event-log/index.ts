// `baram/operators/event-log`: topics of records, on files or on Kafka.

export { deadLetter, deadLetterTopic, type Unusable } from './dead-letter.ts'
export { EmbeddedEventLog, type EmbeddedEventLogOptions } from './embedded.ts'
export {
  type Appended,
  type Compression,
  type Consumer,
  type ConsumerOptions,
  type EventLog,
  EventLogError,
  type LogMessage,
  type NewRecord,
  type PartitionLag,
  type PartitionOffsets,
  type PollOptions,
  type Position,
  type Producer,
  ProducerFencedError,
  type ProducerOptions,
  type TimestampType,
  type TopicOptions,
  type Transaction,
  type TransactionalProducer,
  UnknownTopicError,
} from './event-log.ts'
export { openEventLog } from './open.ts'
export { EventLogDamagedError } from './partition.ts'
export { openReplay, type Replay, type ReplayOptions, type Send } from './replay.ts'
export { type ConsumeWindow, consumeWindow, type SinkAck, type StreamWindow, type WindowSink } from './window.ts'
export type { Parse, Until, WindowRecord } from './window-read.ts'
export type { ConsumedWindow } from './window-report.ts'
