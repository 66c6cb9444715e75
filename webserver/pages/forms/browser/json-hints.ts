// Tells under a field of free text (`data-json-hint`) whether it holds JSON, while it is written.

function hintOf(text: string, before: string): string {
  if (!/^[[{]/.test(text)) return before
  try {
    JSON.parse(text)
    return 'JSON.'
  } catch (error) {
    return `Looks like JSON, but: ${error instanceof Error ? error.message : 'it cannot be read'}`
  }
}

export function watchJsonHints(): void {
  for (const area of document.querySelectorAll<HTMLTextAreaElement>('[data-json-hint]')) {
    const hint = document.getElementById(`${area.id}-hint`)
    const before = hint?.textContent ?? ''
    area.addEventListener('input', () => {
      if (hint !== null) hint.textContent = hintOf(area.value.trim(), before)
    })
  }
}
