// What the parts of the document index contract share: an adapter, an index of its own for each test, and stocks to put in.

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach } from 'vitest'
import type {
  DocumentIndex,
  Fields,
  IndexedDocument,
  Query,
  SearchRequest,
  Source,
} from '../../../../operators/document-index/document-index.ts'

/** Each call gives another client of one and the same server. */
export type OpenDocumentIndex = () => Promise<DocumentIndex>

export const fields: Fields = {
  Code: 'keyword',
  Name: 'text',
  Marcap: 'long',
  Close: 'double',
  Date: 'date',
  Halted: 'boolean',
}

export const stocks: readonly IndexedDocument[] = [
  {
    id: '2020-12-29:005930',
    source: {
      Code: '005930',
      Name: '삼성전자 보통주',
      Marcap: 467433929070000,
      Close: 78300,
      Date: '2020-12-29',
      Halted: false,
    },
  },
  {
    id: '2020-12-30:005930',
    source: {
      Code: '005930',
      Name: '삼성전자 보통주',
      Marcap: 483552417000000,
      Close: 81000,
      Date: '2020-12-30',
      Halted: false,
    },
  },
  {
    id: '2020-12-30:000660',
    source: {
      Code: '000660',
      Name: 'SK하이닉스 보통주',
      Marcap: 86268280942500,
      Close: 118500,
      Date: '2020-12-30',
      Halted: false,
    },
  },
  {
    id: '2021-01-04:000660',
    source: {
      Code: '000660',
      Name: "SK Hynix's",
      Marcap: 91728300000000,
      Close: 126000.5,
      Date: '2021-01-04T09:00:00+09:00',
      Halted: true,
    },
  },
  { id: '2021-01-04:000001', source: { Code: '000001', Name: 'No Cap', Date: '2021-01-04' } },
]

export const ids = (documents: readonly IndexedDocument[]) => documents.map(({ id }) => id)

export interface IndexSubject {
  readonly documents: DocumentIndex
  /** An index of this test, with `fields`. */
  readonly index: string
  /** Another client of the same server. */
  client(): Promise<DocumentIndex>
  /** Puts documents and makes them searchable. */
  put(list: readonly IndexedDocument[], into?: string): ReturnType<DocumentIndex['bulk']>
  /** Puts one document; the reason when it is refused. */
  outcome(source: object, into?: string): Promise<string | undefined>
  /** The ids that a query finds. */
  found(query: Query): Promise<string[]>
  /** The ids of all pages of a search. */
  pages(request: SearchRequest, size: number): Promise<string[]>
}

/** Call once inside the contract's `describe`. */
export function useDocumentIndex(open: OpenDocumentIndex): IndexSubject {
  let documents: DocumentIndex
  let index: string
  const opened: DocumentIndex[] = []
  const client = async () => {
    const one = await open()
    opened.push(one)
    return one
  }
  beforeEach(async () => {
    documents = await client()
    index = `stock-${randomUUID()}`
    await documents.ensureIndex(index, { fields })
  })
  afterEach(async () => {
    await documents.deleteIndex(index)
    for (const one of opened.splice(0)) await one.close()
  })

  const put = async (list: readonly IndexedDocument[], into = index) => {
    const results = await documents.bulk(into, list)
    await documents.refresh(into)
    return results
  }
  const outcome = async (source: object, into = index) => {
    // What a caller without types may hand over.
    const [result] = await documents.bulk(into, [{ id: 'x', source: source as Source }])
    return result?.outcome === 'rejected' ? result.reason : result?.outcome
  }
  const found = async (query: Query) => ids((await documents.search(index, { query, size: 100 })).documents)
  const pages = async (request: SearchRequest, size: number) => {
    const all: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await documents.search(index, { ...request, size, ...(after !== undefined && { after }) })
      all.push(...ids(page.documents))
      if (page.next === null) return all
      after = page.next
    }
  }
  return {
    get documents() {
      return documents
    },
    get index() {
      return index
    },
    client,
    put,
    outcome,
    found,
    pages,
  }
}
