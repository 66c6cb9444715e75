// A variable's form. A secret value is never shown: its field replaces it.

import type { Request, Response } from 'express'
import { MASK } from '../../../core/masker.ts'
import { deleteVariable, setVariable } from '../../../engine/admin/variables.ts'
import { actorOf } from '../../auth/guard.ts'
import type { Web } from '../../deps.ts'
import { notFound } from '../../http/api-error.ts'
import { type FormFault, faultsByField, refusalAt } from '../forms/form-fault.ts'
import { emptyAsNull, formField } from '../forms/form-field.ts'
import { flash } from '../frame/flash.ts'
import { type PageView, say } from '../frame/page-view.ts'

interface VariableDraft {
  readonly key: string
  readonly value: string
  readonly description: string
}

export async function variableForm(
  web: Web,
  key: string | null,
  draft: VariableDraft | null,
  faults: readonly FormFault[],
): Promise<PageView> {
  const known = key === null ? null : await web.vault.findVariable(key)
  if (key !== null && known === null) throw notFound(`There is no variable ${key}.`)
  const isSecret = known?.isSensitive ?? false
  return {
    section: 'variables',
    crumbs: [
      { text: 'Variables', href: '/variables' },
      { text: key ?? 'New', href: '' },
    ],
    sentence: key === null ? say('New variable') : say('Variable {key}', { key }, 'key'),
    scripts: ['variables.js'],
    view: {
      isNew: key === null,
      key: draft?.key ?? key ?? '',
      isSecret,
      value: isSecret ? '' : (draft?.value ?? (known === null ? '' : web.vault.shownValue(known))),
      description: draft?.description ?? known?.description ?? '',
      at: known?.updatedAt ?? null,
      faults: faultsByField(['key', 'value'], faults),
    },
  }
}

/** What was sent; a known variable keeps its key. */
function readDraft(req: Request, original: string | null): VariableDraft {
  return {
    key: original ?? formField(req.body, 'key').trim(),
    value: formField(req.body, 'value'),
    description: formField(req.body, 'description').trim(),
  }
}

export async function postVariable(web: Web, req: Request, res: Response): Promise<PageView | null> {
  const original = emptyAsNull(formField(req.body, 'original'))
  const draft = readDraft(req, original)
  const { key, description } = draft
  if (key === '') return variableForm(web, original, draft, [{ field: 'key', text: 'A variable needs a key.' }])
  const known = original === null ? null : await web.vault.findVariable(key)
  if (original !== null && known === null) throw notFound(`There is no variable ${key}.`)
  // A secret's field arrives empty unless it is being replaced.
  const value = known?.isSensitive === true && draft.value === '' ? MASK : draft.value
  try {
    const existing = original === null ? 'fail' : 'overwrite'
    await setVariable(web, { key, value, description: emptyAsNull(description), existing }, actorOf(req))
  } catch (error) {
    return variableForm(web, original, draft, refusalAt('key', error))
  }
  flash(res, 'variable-saved', key)
  res.redirect(303, '/variables')
  return null
}

export async function postVariableDelete(web: Web, req: Request, res: Response): Promise<null> {
  const key = formField(req.body, 'key')
  await deleteVariable(web, { key }, actorOf(req))
  flash(res, 'variable-deleted', key)
  res.redirect(303, '/variables')
  return null
}
