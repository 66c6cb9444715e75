// What every document index adapter must do. Run it with a factory: Postgres, and a real Elasticsearch.

import { describe } from 'vitest'
import { describeBuckets } from './contract/buckets.ts'
import { describeDocuments } from './contract/documents.ts'
import { describeIndexes } from './contract/indexes.ts'
import { describePaging } from './contract/paging.ts'
import { describeQueries } from './contract/queries.ts'
import { type OpenDocumentIndex, useDocumentIndex } from './contract/subject.ts'

export function documentIndexContract(name: string, open: OpenDocumentIndex): void {
  describe(`the document index contract on ${name}`, () => {
    const subject = useDocumentIndex(open)
    describeDocuments(subject)
    describeIndexes(subject)
    describeQueries(subject)
    describePaging(subject)
    describeBuckets(subject)
  })
}
