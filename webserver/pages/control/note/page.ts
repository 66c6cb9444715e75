// The note of a run: a form with one text.

import type { Request, Response } from 'express'
import { zoneName } from '../../../../core/times.ts'
import { setRunNote } from '../../../../engine/runs/note.ts'
import { NOTE_LENGTH } from '../../../../store/note.ts'
import { actorOf } from '../../../auth/guard.ts'
import type { Web } from '../../../deps.ts'
import { dagOf } from '../../dag/head/basics.ts'
import { emptyAsNull } from '../../forms/form-field.ts'
import { flash } from '../../frame/flash.ts'
import { dagCrumbs, dagPath } from '../../frame/links.ts'
import { type PageView, say } from '../../frame/page-view.ts'
import { runLabel } from '../../run/view.ts'
import { type Asked, backTo, fromForm, fromQuery, refusal, requireRun } from '../view.ts'

async function noteView(web: Web, dagId: string, asked: Asked, refused: string | null): Promise<PageView> {
  const run = await requireRun(web, dagId, asked('run'))
  const now = Date.now()
  return {
    section: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Note', href: '' }),
    sentence: say('Note on the run of {run}', { run: runLabel(run, now) }),
    zone: zoneName(run.timezone, now),
    view: {
      path: dagPath(dagId, '/note'),
      back: backTo(dagId, asked),
      run: run.runId,
      note: refused === null ? run.note : asked('note'),
      fault: refused,
      most: NOTE_LENGTH,
    },
  }
}

export const notePage = (web: Web, req: Request): Promise<PageView> => noteView(web, dagOf(req), fromQuery(req), null)

export async function postNote(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const dagId = dagOf(req)
  const asked = fromForm(req)
  try {
    await setRunNote(web, { dagId, runId: asked('run'), note: emptyAsNull(asked('note').trim()) }, actorOf(req))
  } catch (error) {
    return noteView(web, dagId, asked, refusal(error))
  }
  flash(res, 'note-saved', dagId)
  res.redirect(303, backTo(dagId, asked))
  return null
}
