// Favourites: DAGs that somebody has marked for themselves.

import { conflict, notFound } from '../../core/errors.ts'
import { lockDag } from '../../store/postgres/dags.ts'
import { deleteFavourite, insertFavourite } from '../../store/postgres/favourites.ts'
import { type Actor, audit, type Engine } from '../engine.ts'

/** Marks a DAG as a favourite of the actor, or takes the mark away. @throws BaramError NOT_FOUND, or CONFLICT when it is so already */
export async function markFavourite(
  { database }: Pick<Engine, 'database'>,
  { dagId, isFavourite }: { readonly dagId: string; readonly isFavourite: boolean },
  actor: Actor,
): Promise<void> {
  await database.transaction(async (tx) => {
    if ((await lockDag(tx, dagId)) === null) throw notFound('dag', dagId)
    if (isFavourite && !(await insertFavourite(tx, dagId, actor.name)))
      throw conflict('dag', dagId, 'exists', `DAG ${dagId} is a favourite of ${actor.name} already`)
    if (!isFavourite && !(await deleteFavourite(tx, dagId, actor.name)))
      throw conflict('dag', dagId, 'unchanged', `DAG ${dagId} is no favourite of ${actor.name}`)
    await audit(tx, actor, { event: isFavourite ? 'dag.favorite' : 'dag.unfavorite', dagId })
  })
}
