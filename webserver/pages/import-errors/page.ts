// The list of files that cannot be read.

import { listImportErrors } from '../../../store/postgres/read-admin.ts'
import type { Web } from '../../deps.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { countWord } from '../frame/sentence.ts'
import { locationText } from './location.ts'

export async function importErrorsPage(web: Web): Promise<PageView> {
  const { rows, total } = await listImportErrors(
    web.database,
    {},
    { limit: 100, offset: 0, order: [{ key: 'timestamp', isDescending: true }] },
  )
  return {
    section: 'errors',
    crumbs: [{ text: 'Import errors', href: '/errors' }],
    sentence:
      total === 0
        ? say('Every file can be read.')
        : say('{word} {n#file#files} cannot be read.', { word: countWord(total), n: total }),
    topics: 'dags',
    view: {
      errors: rows.map((row) => ({
        file: row.filename,
        href: `/errors/${row.id}`,
        first: row.stacktrace.split('\n')[0] ?? '',
        at: row.timestamp,
        place: locationText(row.details),
      })),
      folder: web.config.dagsFolder,
      now: Date.now(),
    },
  }
}
