// What the address of the list asks for: a text, a state, an order, a page of it.

import type { DagListPage, DagListSort, DagListState, ListedDag } from '../../../store/postgres/dag-list.ts'
import type { Query } from '../../http/query.ts'

/** DAGs a page. */
export const PAGE = 100

export const STATES: Readonly<Record<DagListState, string>> = {
  all: 'All',
  running: 'Running',
  failing: 'Failing',
  late: 'Late',
  paused: 'Paused',
}

export const SORTS: Readonly<Record<DagListSort, string>> = { name: 'Name', next: 'Next run', last: 'Last run' }

export const keysOf = <K extends string>(table: Readonly<Record<K, string>>): readonly K[] => Object.keys(table) as K[]

export interface Asked {
  readonly find: string
  readonly state: DagListState
  readonly page: DagListPage
}

/** `<value>~<dag id>`; the value is digits. */
function readFrom(text: string | undefined): DagListPage['from'] {
  const [, value, dagId] = /^(\d*)~(.{1,250})$/u.exec(text ?? '') ?? []
  return dagId === undefined ? null : { value: value === '' ? null : (value ?? null), dagId }
}

export const fromText = (dag: ListedDag | undefined): string | null =>
  dag === undefined ? null : `${dag.sortValue ?? ''}~${dag.dagId}`

/** What nobody offers is as if it was not asked for. */
export function readAsked(query: Query): Asked {
  const sort = keysOf(SORTS).find((key) => key === query.text('sort')) ?? 'name'
  const after = readFrom(query.text('after'))
  const before = after === null ? readFrom(query.text('before')) : null
  return {
    find: (query.text('q') ?? '').trim().slice(0, 250),
    state: keysOf(STATES).find((key) => key === query.text('state')) ?? 'all',
    page: {
      sort,
      // The newest last run first.
      isDescending: (query.text('desc') ?? (sort === 'last' ? '1' : '0')) === '1',
      from: after ?? before,
      isBackward: before !== null,
      limit: PAGE + 1,
    },
  }
}
