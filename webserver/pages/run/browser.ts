// Bars of what runs grow without an event: the page looks again while it is seen.

import { refresh } from '../frame/browser/regions.ts'

const EVERY_MS = 5_000

window.setInterval(() => {
  const isOpen = document.querySelector('#gantt[data-open]') !== null
  if (isOpen && !document.hidden) void refresh()
}, EVERY_MS)

/** `[` and `]` lead to the runs beside this one, as the links that name them. */
document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
  const id = event.key === '[' ? 'earlier' : event.key === ']' ? 'later' : null
  if (id !== null) document.getElementById(id)?.click()
})
