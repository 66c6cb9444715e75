// Forms of variables and connections: the secret switch follows the key, JSON is told from text, leaving asks first.

import { watchFields } from './browser/field-faults.ts'

watchFields()

/** As the server decides (core/secret-names.ts); here only to tell the writer at once. */
const SECRET =
  /access_key|api_?key|auth_header|authorization|bearer|connection_string|dsn|passphrase|passw|private_key|prox|secret|service_account|service_key|token|keyfile_dict|webhook_url/i

const key = document.querySelector<HTMLInputElement>('[data-secret-name]')
const lock = document.getElementById('secret')
key?.addEventListener('input', () => lock?.setAttribute('aria-checked', String(SECRET.test(key.value))))

for (const area of document.querySelectorAll<HTMLTextAreaElement>('[data-json-hint]')) {
  const hint = document.getElementById(`${area.id}-hint`)
  const before = hint?.textContent ?? ''
  area.addEventListener('input', () => {
    if (hint === null) return
    const text = area.value.trim()
    if (!/^[[{]/.test(text)) {
      hint.textContent = before
      return
    }
    try {
      JSON.parse(text)
      hint.textContent = 'JSON.'
    } catch (error) {
      hint.textContent = `Looks like JSON, but: ${error instanceof Error ? error.message : 'it cannot be read'}`
    }
  })
}

const kind = document.querySelector<HTMLSelectElement>('#kind')
const port = document.querySelector<HTMLInputElement>('#port')
const usualPort = () => kind?.selectedOptions[0]?.dataset['port'] ?? ''
const showPort = () => {
  if (port !== null) port.placeholder = usualPort() === '0' ? '' : usualPort()
}
kind?.addEventListener('change', showPort)
showPort()

const form = document.querySelector<HTMLFormElement>('form[data-unsaved]')
let isChanged = false
form?.addEventListener('input', () => {
  isChanged = true
})
form?.addEventListener('submit', () => {
  isChanged = false
})
window.addEventListener('beforeunload', (event) => {
  if (isChanged) event.preventDefault()
})
