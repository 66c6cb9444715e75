// The palette's places and how a query finds them: letters in their order, anywhere in a name; of Hangul names the initials too.

import { getChoseong } from 'es-hangul'
import fuzzysort from 'fuzzysort'
import type { Role } from '../../../engine/admin/accounts.ts'
import type { DagName } from '../../../store/postgres/dag-list.ts'
import { dagPath } from '../frame/links.ts'

export interface Place {
  readonly kind: 'Pages' | 'DAGs' | 'Actions'
  readonly title: string
  /** Beside the title; '' = nothing. */
  readonly hint: string
  readonly href: string
}

/** Places that are shown. */
export const MOST_FOUND = 8
/** What the query is matched against is no longer than this. */
const MOST_TEXT = 200

type May = (role: Role) => boolean

const PAGES: readonly (readonly [string, string, Role])[] = [
  ['Home', '/', 'viewer'],
  ['DAGs', '/dags', 'viewer'],
  ['Runs', '/runs', 'viewer'],
  ['Failed runs', '/runs?state=failed', 'viewer'],
  ['Running runs', '/runs?state=running', 'viewer'],
  ['Errors', '/errors', 'viewer'],
  ['Monitoring', '/monitoring', 'viewer'],
  ['Variables', '/variables', 'op'],
  ['New variable', '/variables/new', 'op'],
  ['Connections', '/connections', 'op'],
  ['New connection', '/connections/new', 'op'],
]

const VERBS: readonly (readonly [string, string, Role])[] = [
  ['Trigger', '/trigger', 'user'],
  ['Backfill', '/backfills', 'user'],
  ['Runs of', '/runs', 'viewer'],
  ['Graph of', '/graph', 'viewer'],
  ['Code of', '/code', 'viewer'],
]

const pagePlaces = (may: May): readonly Place[] =>
  PAGES.filter(([, , role]) => may(role)).map(([title, href]) => ({ kind: 'Pages', title, hint: '', href }))

const dagPlace = ({ dagId, name, description }: DagName): Place => ({
  kind: 'DAGs',
  title: dagId,
  hint: name === dagId ? (description ?? '') : name,
  href: dagPath(dagId),
})

type Verb = (typeof VERBS)[number]

const action = (verb: Verb, dagId: string): Place => ({
  kind: 'Actions',
  title: `${verb[0]} ${dagId}`,
  hint: '',
  href: dagPath(dagId, verb[1]),
})

const cut = (text: string): string => text.slice(0, MOST_TEXT)

const HANGUL = /[ㄱ-ㅎ가-힣]/

/** The best first. Descriptions and initials are looked at only where a query of ids would find nothing: in Hangul. */
function match(wanted: string, places: readonly Place[], limit: number): readonly Place[] {
  const keys = HANGUL.test(wanted)
    ? [({ hint }: Place) => cut(hint), ({ hint }: Place) => getChoseong(cut(hint))]
    : [({ title }: Place) => cut(title), ({ hint }: Place) => cut(hint)]
  return fuzzysort.go(wanted, places, { keys, limit }).map(({ obj }) => obj)
}

/** Verbs that a query begins with, and what is left of it: `trig gm` is Trigger and `gm`. */
function readVerb(wanted: string, verbs: readonly Verb[]): { readonly verbs: readonly Verb[]; readonly rest: string } {
  const [word = '', ...rest] = wanted.toLowerCase().split(/\s+/)
  const meant = verbs.filter(([name]) => name.toLowerCase().startsWith(word))
  return meant.length === 0
    ? { verbs, rest: wanted }
    : { verbs: meant, rest: rest.filter((part) => part !== 'of').join(' ') }
}

function findActions(wanted: string, dags: readonly Place[], may: May): readonly Place[] {
  const { verbs, rest } = readVerb(
    wanted,
    VERBS.filter(([, , role]) => may(role)),
  )
  const found = rest === '' ? dags.slice(0, MOST_FOUND) : match(rest, dags, MOST_FOUND)
  return found.flatMap(({ title }) => verbs.map((verb) => action(verb, title))).slice(0, MOST_FOUND)
}

/** @param query `>` in front: actions alone */
export function findPlaces(query: string, dags: readonly DagName[], may: May): readonly Place[] {
  const wanted = cut(query.replace(/^\s*>/, '').trim())
  const own = dags.map(dagPlace)
  if (query.trimStart().startsWith('>')) return findActions(wanted, own, may)
  const places = [...pagePlaces(may), ...own]
  if (wanted === '') return places.slice(0, MOST_FOUND)
  const found = match(wanted, places, MOST_FOUND)
  return [...found, ...findActions(wanted, own, may)].slice(0, MOST_FOUND)
}
