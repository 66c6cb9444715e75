// The types of connections that operators of the product open. A type decides nothing until an operator reads it, so one
// that nobody knows is a slip found late; types of users' own operators are said to be so.

/** By type: who opens it. A test holds this against the sources of operators/ and pipelines/. */
export const CONNECTION_TYPES: ReadonlyMap<string, string> = new Map([
  ['directory', 'lake, event log or scratch in a folder'],
  ['elasticsearch', 'document index'],
  ['file', 'as directory'],
  ['fs', 'file sensor'],
  ['hdfs', 'as webhdfs'],
  ['hiveserver2', 'warehouse'],
  ['http', 'HTTP operator, sensor and downloads'],
  ['https', 'as http'],
  ['kafka', 'event log'],
  ['postgres', 'Postgres operator, SQL sensor, document index'],
  ['postgresql', 'as postgres'],
  ['smtp', 'mail'],
  ['spark', 'Spark applications'],
  ['webhdfs', 'lake'],
])
