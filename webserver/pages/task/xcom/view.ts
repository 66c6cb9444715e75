// The XComs of one instance as its page shows them: the returned value first, then by key, in pages.

import type { InstanceListRow } from '../../../../store/postgres/read-task-instances.ts'
import { countXComs, pageXComs } from '../../../../store/postgres/xcom-list.ts'
import type { Web } from '../../../deps.ts'
import { charactersText, prettyJson } from '../json-text.ts'

const PAGE = 50
/** Of each value; the API gives the whole. */
const CHARACTERS = 20_000

export async function xcomView(
  web: Web,
  ti: InstanceListRow,
  after: string | null,
  link: (after: string | null) => string,
) {
  const at = { dagRunId: ti.dagRunId, taskId: ti.taskId, mapIndex: ti.mapIndex }
  const [rows, total] = await Promise.all([
    pageXComs(web.database, at, after, { characters: CHARACTERS, limit: PAGE + 1 }),
    countXComs(web.database, at),
  ])
  const shown = rows.slice(0, PAGE)
  return {
    entries: shown.map((entry) => ({
      key: entry.key,
      text: prettyJson(entry.text ?? 'null', entry.length > CHARACTERS),
      isCut: entry.length > CHARACTERS,
      length: charactersText(entry.length),
      at: entry.timestamp,
    })),
    shown: shown.length.toLocaleString('en'),
    total: total.toLocaleString('en'),
    isPaged: total > PAGE,
    first: after === null ? null : link(null),
    next: rows.length > PAGE ? link(shown.at(-1)?.key ?? null) : null,
  }
}
