// What the palette finds, as a fragment for its list.

import type { Request, Response } from 'express'
import { mayAct, type Role } from '../../../engine/admin/accounts.ts'
import { listDagNames } from '../../../store/postgres/dag-list.ts'
import { whoIs } from '../../auth/guard.ts'
import type { Web } from '../../deps.ts'
import { Query } from '../../http/query.ts'
import type { Pages } from '../frame/frame.ts'
import { findPlaces, type Place } from './find.ts'

/** In the order in which they are found, so that the best is the first. */
function groups(places: readonly Place[]) {
  const kinds = [...new Set(places.map(({ kind }) => kind))]
  const ordered = kinds.flatMap((kind) => places.filter((place) => place.kind === kind))
  const numbered = ordered.map((place, i) => ({ ...place, id: `found-${i}` }))
  return kinds.map((kind) => ({ kind, places: numbered.filter((place) => place.kind === kind) }))
}

export async function sendFound(web: Web, pages: Pages, req: Request, res: Response): Promise<void> {
  const query = new Query(req).text('q') ?? ''
  const { role } = whoIs(req)
  const may = (needed: Role) => mayAct(role, needed)
  const found = findPlaces(query, await listDagNames(web.database), may)
  await pages.bare(req, res, 'palette/found', { groups: groups(found), query })
}
