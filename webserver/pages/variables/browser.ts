// Variables: the list is filtered as one types; in the form the secret switch follows the key.

import { watchFields } from '../forms/browser/field-faults.ts'
import { watchFilter } from '../forms/browser/filter.ts'
import { watchJsonHints } from '../forms/browser/json-hints.ts'
import { guardUnsaved } from '../forms/browser/unsaved.ts'

/** As the server decides (core/masker.ts); here only to tell the writer at once. */
const SECRET = new RegExp(
  [
    'access_key|api_?key|auth_header|authorization|bearer|connection_string|dsn|passphrase|passw|private_key|prox',
    'secret|service_account|service_key|token|keyfile_dict|webhook_url',
  ].join('|'),
  'i',
)

function watchSecretName(): void {
  const key = document.querySelector<HTMLInputElement>('[data-secret-name]')
  const lock = document.getElementById('secret')
  key?.addEventListener('input', () => lock?.setAttribute('aria-checked', String(SECRET.test(key.value))))
}

watchFilter()
watchFields()
watchSecretName()
watchJsonHints()
guardUnsaved()
