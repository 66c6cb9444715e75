// The list of variables. Secret values never reach a template.

import type { Request } from 'express'
import type { Variable, Vault } from '../../../engine/admin/vault.ts'
import type { Web } from '../../deps.ts'
import { Query } from '../../http/query.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { countWord, type Part } from '../frame/sentence.ts'

/** Of each value; the form has the whole. */
const SHOWN_CHARACTERS = 200

const variableView = (vault: Vault, variable: Variable) => ({
  key: variable.key,
  href: `/variables/edit?key=${encodeURIComponent(variable.key)}`,
  isSecret: variable.isSensitive,
  value: variable.isSensitive ? '' : vault.shownValue(variable).slice(0, SHOWN_CHARACTERS),
  description: variable.description,
  at: variable.updatedAt,
})

function listSentence(all: readonly Variable[]): Part[] {
  if (all.length === 0) return say('No variables yet.')
  const count = { word: countWord(all.length), n: all.length }
  const secret = all.filter((variable) => variable.isSensitive).length
  if (secret === 0) return say('{word} {n#variable#variables}, none of them secret.', count)
  return say('{word} {n#variable#variables}, {k} of them secret.', { ...count, k: countWord(secret).toLowerCase() })
}

export async function variablesPage(web: Web, req: Request): Promise<PageView> {
  const find = (new Query(req).text('q') ?? '').trim()
  const all = await web.vault.listVariables()
  const shown = all.filter((variable) => variable.key.toLowerCase().includes(find.toLowerCase()))
  return {
    section: 'variables',
    crumbs: [{ text: 'Variables', href: '/variables' }],
    sentence: listSentence(all),
    scripts: ['variables.js'],
    view: {
      variables: shown.map((variable) => variableView(web.vault, variable)),
      isEmpty: all.length === 0,
      find,
      overridden: [...web.config.variableOverrides.keys()].sort(),
    },
  }
}
