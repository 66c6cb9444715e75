/** Asks before a page is left whose form (`data-unsaved`) was changed and not sent. */
export function guardUnsaved(): void {
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
}
