// Connections: the list is filtered as one types; in the form the usual port follows the kind.

import { watchFields } from '../forms/browser/field-faults.ts'
import { watchFilter } from '../forms/browser/filter.ts'
import { watchJsonHints } from '../forms/browser/json-hints.ts'
import { guardUnsaved } from '../forms/browser/unsaved.ts'

function watchKind(): void {
  const kind = document.querySelector<HTMLSelectElement>('#kind')
  const port = document.querySelector<HTMLInputElement>('#port')
  const showPort = () => {
    const usual = kind?.selectedOptions[0]?.dataset['port'] ?? ''
    if (port !== null) port.placeholder = usual === '0' ? '' : usual
  }
  kind?.addEventListener('change', showPort)
  showPort()
}

watchFilter()
watchFields()
watchKind()
watchJsonHints()
guardUnsaved()
