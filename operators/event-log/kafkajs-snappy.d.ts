// The package has no types of its own.

declare module 'kafkajs-snappy' {
  /** What `CompressionCodecs` of kafkajs takes. */
  const codec: () => unknown
  export default codec
}
