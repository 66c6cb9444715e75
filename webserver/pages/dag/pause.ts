// Pausing and unpausing, from the switch of the list and the button of a DAG's page.

import type { Request, Response } from 'express'
import { pauseDag } from '../../../engine/dags/pause.ts'
import { localPath } from '../../api/index.ts'
import { actorOf } from '../../auth/guard.ts'
import type { Web } from '../../deps.ts'
import { formField } from '../forms/form-field.ts'
import { flash } from '../frame/flash.ts'
import { dagPath } from '../frame/links.ts'

/** Back to the page the form stood on: its own field, since the referrer may be cut. */
const back = (req: Request, fallback: string): string => {
  const here = formField(req.body, 'here')
  return here === '' ? fallback : localPath(here)
}

export async function postPause(web: Web, req: Request, res: Response): Promise<null> {
  const dagId = String(req.params['dag_id'] ?? '')
  const isPaused = formField(req.body, 'is_paused') === 'true'
  await pauseDag(web, { dagId, isPaused }, actorOf(req))
  flash(res, isPaused ? 'paused' : 'unpaused', dagId)
  res.redirect(303, back(req, dagPath(dagId)))
  return null
}
