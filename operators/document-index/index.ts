// `baram/operators/document-index`: documents by id, searched by field, in Postgres or in Elasticsearch.

export {
  type Bucket,
  type BulkResult,
  type DocumentIndex,
  DocumentIndexError,
  type ExportOptions,
  type Fields,
  type FieldType,
  type HistogramRequest,
  type IndexedDocument,
  type IndexOptions,
  type Metric,
  type Metrics,
  type Query,
  type Scalar,
  type SearchPage,
  type SearchRequest,
  type Sort,
  type Source,
  type TemplateOptions,
  type TopRequest,
  UnknownIndexError,
} from './document-index.ts'
export { openDocumentIndex } from './open.ts'
export { PostgresDocumentIndex } from './postgres-index.ts'
