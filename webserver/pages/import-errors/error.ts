// One import error: the file's lines around it, the whole message, and the DAGs it concerns.

import type { Request } from 'express'
import { getImportError, listDagsOfFile } from '../../../store/postgres/read-admin.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/api-error.ts'
import { dagPath } from '../frame/links.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { locationText, readLocation } from './location.ts'

/** `  41 | text` and `> 41 | text` as rows; other text as it stands. */
function frameLines(frame: string) {
  return frame.split('\n').map((text) => {
    const match = /^(>?)\s*(\d+)\s*[│|]\s?(.*)$/.exec(text)
    if (match !== null) return { n: match[2] ?? '', text: match[3] ?? '', isBad: match[1] === '>', isPointer: false }
    const pointer = /^\s*[│|]?(\s*\^.*)$/.exec(text)
    return {
      n: '',
      text: (pointer?.[1] ?? text).replace(/^\s*[│|]\s?/, ''),
      isBad: pointer !== null,
      isPointer: pointer !== null,
    }
  })
}

export async function importErrorPage(web: Web, req: Request): Promise<PageView> {
  const id = String(req.params['id'] ?? '')
  const row = /^\d{1,9}$/.test(id) ? await getImportError(web.database, Number(id)) : null
  if (row === null) throw notFound('This import error is gone: the file was fixed or removed.')
  const location = readLocation(row.details)
  const dags = await listDagsOfFile(web.database, row.filename)
  const first = row.stacktrace.split('\n')[0] ?? ''
  const file = row.filename
  return {
    section: 'errors',
    crumbs: [
      { text: 'Import errors', href: '/errors' },
      { text: file, href: '' },
    ],
    sentence:
      location.line === null
        ? say('{file} cannot be read.', { file }, 'file')
        : say('{file} has an error on line {line}.', { file, line: location.line }, 'file'),
    topics: 'dags',
    view: {
      file,
      first,
      place: locationText(row.details),
      lines: location.frame === null ? [] : frameLines(location.frame.replace(/\n$/, '')),
      text: row.stacktrace,
      more: location.errors,
      at: row.timestamp,
      dags: dags.map((dag) => ({
        id: dag.dagId,
        href: dagPath(dag.dagId),
        version: dag.versionNumber,
        isStale: dag.isStale,
      })),
      now: Date.now(),
    },
  }
}
