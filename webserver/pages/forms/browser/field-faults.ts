// Tells what a field must hold as it is left, by the server's own rules (`data-rule`); what is mended is told at once.

import { fieldFault, isFieldRule } from '../field-rules.ts'

type Field = HTMLInputElement | HTMLTextAreaElement

const isField = (target: EventTarget | null): target is Field =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement

function placeOf(field: Field): HTMLElement {
  const id = `${field.id}-fault`
  const known = document.getElementById(id) ?? field.parentElement?.querySelector<HTMLElement>('.err')
  if (known !== null && known !== undefined) {
    known.id = id
    return known
  }
  const place = document.createElement('span')
  place.id = id
  place.className = 'err'
  field.after(place)
  return place
}

function tell(field: Field): void {
  const rule = field.dataset['rule'] ?? ''
  if (!isFieldRule(rule)) return
  const fault = fieldFault(rule, field.value.trim())
  const place = placeOf(field)
  place.textContent = fault ?? ''
  place.hidden = fault === null
  field.classList.toggle('bad', fault !== null)
  field.setAttribute('aria-invalid', String(fault !== null))
  if (fault === null) field.removeAttribute('aria-describedby')
  else field.setAttribute('aria-describedby', place.id)
}

export function watchFields(): void {
  document.addEventListener('focusout', (event) => {
    if (isField(event.target)) tell(event.target)
  })
  document.addEventListener('input', (event) => {
    if (isField(event.target) && event.target.classList.contains('bad')) tell(event.target)
  })
}
