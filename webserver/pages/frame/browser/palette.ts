// The palette: opens by its button or mod+k, asks the server as one types, and goes where its marked line leads.

const isMac = /Mac|iPhone|iPad/.test(navigator.platform)

const dialog = document.querySelector<HTMLDialogElement>('#palette')
const input = document.querySelector<HTMLInputElement>('#palette-query')
const list = document.querySelector<HTMLElement>('#palette-found')

/** Answers that come after a newer question are dropped. */
let asked = 0
let marked = 0

const options = (): HTMLAnchorElement[] => [...(list?.querySelectorAll<HTMLAnchorElement>('[role="option"]') ?? [])]

function mark(index: number): void {
  const all = options()
  marked = all.length === 0 ? 0 : (index + all.length) % all.length
  for (const [i, option] of all.entries()) option.setAttribute('aria-selected', String(i === marked))
  const current = all[marked]
  input?.setAttribute('aria-activedescendant', current?.id ?? '')
  current?.scrollIntoView({ block: 'nearest' })
}

async function find(): Promise<void> {
  const question = ++asked
  const response = await fetch(`/ui/palette?${new URLSearchParams({ q: input?.value ?? '' })}`)
  const html = await response.text()
  if (question !== asked || !response.ok) return
  // The server's own markup, escaped there.
  const page = new DOMParser().parseFromString(html, 'text/html')
  list?.replaceChildren(...[...page.body.childNodes].map((node) => document.importNode(node, true)))
  mark(0)
}

/** A lost connection shows in the live dot; the next letter asks again. */
const look = (): void => void find().catch(() => undefined)

function open(): void {
  if (dialog === null || input === null || dialog.open) return
  dialog.showModal()
  input.select()
  look()
}

function onKey(event: KeyboardEvent): void {
  if (event.key === 'ArrowDown') mark(marked + 1)
  else if (event.key === 'ArrowUp') mark(marked - 1)
  else if (event.key === 'Enter' && !event.isComposing) options()[marked]?.click()
  else return
  event.preventDefault()
}

export function watchPalette(): void {
  input?.addEventListener('input', look)
  input?.addEventListener('keydown', onKey)
  dialog?.addEventListener('click', (event) => {
    // Beside it: the dialog itself is hit only where its content is not.
    if (event.target === dialog) dialog.close()
  })
  document.addEventListener('keydown', (event) => {
    const isMod = isMac ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey
    if (!isMod || event.altKey || event.shiftKey || event.key.toLowerCase() !== 'k') return
    event.preventDefault()
    open()
  })
  document.addEventListener('click', (event) => {
    if (event.target instanceof Element && event.target.closest('#open-palette') !== null) open()
  })
  const hint = document.querySelector('#open-palette kbd')
  if (isMac && hint !== null) hint.textContent = '⌘K'
}
