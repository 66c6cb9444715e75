/** Hides the rows whose text lacks what was typed. Returns the function that does it again after the rows changed. */
export function watchFilter(): () => void {
  const input = document.querySelector<HTMLInputElement>('input[data-filter]')
  if (input === null) return () => undefined
  const apply = () => {
    const find = input.value.trim().toLowerCase()
    for (const row of document.querySelectorAll<HTMLElement>(input.dataset['filter'] ?? ''))
      row.hidden = find !== '' && !(row.dataset['text'] ?? '').toLowerCase().includes(find)
  }
  input.addEventListener('input', apply)
  return apply
}
