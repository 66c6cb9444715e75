// Kinds of connections, and what takes the place of one that is not given.

/** What each kind of connection asks for; others get the general form. */
export const KINDS = [
  { type: 'webhdfs', name: 'HDFS (WebHDFS)', port: 9870 },
  { type: 'hiveserver2', name: 'Hive (HiveServer2)', port: 10_000 },
  { type: 'kafka', name: 'Kafka', port: 9092 },
  { type: 'elasticsearch', name: 'Elasticsearch', port: 9200 },
  { type: 'postgres', name: 'Postgres', port: 5432 },
  { type: 'spark', name: 'Spark', port: 7077 },
  { type: 'http', name: 'HTTP', port: 443 },
  { type: 'smtp', name: 'Mail (SMTP)', port: 465 },
] as const

/** Stores that work without a connection: local ones take their place until one is given. */
export const EMBEDDED = [
  { id: 'hdfs_default', kind: 'webhdfs', address: 'a folder of this host', note: 'embedded: local files' },
  { id: 'hive_default', kind: 'hiveserver2', address: 'DuckDB', note: 'embedded: DuckDB' },
  { id: 'kafka_default', kind: 'kafka', address: 'files of this host', note: 'embedded: append-only files' },
  { id: 'elasticsearch_default', kind: 'elasticsearch', address: 'Postgres', note: 'embedded: a Postgres schema' },
  {
    id: 'postgres_default',
    kind: 'postgres',
    address: 'Postgres',
    note: 'embedded: a database apart from the metadata',
  },
  { id: 'scratch_default', kind: 'file', address: 'a folder of this host', note: 'embedded: local files' },
] as const

/** What takes the place of the sources' connections: `dagctl standalone` keeps their addresses in Variables. */
export const SIMULATED = [
  {
    id: 'upbit_default',
    kind: 'http',
    variable: 'upbit_simulated_url',
    what: 'the simulated exchange of this host: generated candles, not market data',
  },
  {
    id: 'gmarket_default',
    kind: 'http',
    variable: 'gmarket_simulated_url',
    what: 'the simulated shop of this host: generated goods, not offers',
  },
  {
    id: 'stocks_default',
    kind: 'file',
    variable: 'stocks_simulated_url',
    what: 'the generated history of this host: no real prices',
  },
  {
    id: 'open_data_kr_default',
    kind: 'http',
    variable: 'weather_simulated_url',
    what: 'the simulated weather service of this host: generated weather, no observations',
  },
  {
    id: 'open_data_kr_default',
    kind: 'http',
    variable: 'prices_simulated_url',
    what: 'the simulated market price service of this host: generated trades, no real prices',
  },
] as const
