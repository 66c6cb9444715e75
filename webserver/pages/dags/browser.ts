// The list of DAGs: the server is asked as one types, `j`/`k` move, Enter opens.

import { go } from '../frame/browser/regions.ts'

/** A hand that types is asked for rarely; one that pauses, at once. */
const PAUSE_MS = 180

let timer: number | null = null

function search(input: HTMLInputElement): void {
  timer = null
  const { form } = input
  if (form === null) return
  const values = new URLSearchParams()
  for (const [key, value] of new FormData(form))
    if (typeof value === 'string' && value !== '') values.append(key, value)
  const query = values.toString()
  void go(`${new URL(form.action).pathname}${query === '' ? '' : `?${query}`}`, true)
}

document.querySelector<HTMLInputElement>('input[data-search]')?.addEventListener('input', (event) => {
  const { target } = event
  if (!(target instanceof HTMLInputElement)) return
  if (timer !== null) clearTimeout(timer)
  timer = window.setTimeout(() => search(target), PAUSE_MS)
})

document.addEventListener('keydown', (event) => {
  if (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return
  if ((event.key !== 'j' && event.key !== 'k') || event.metaKey || event.ctrlKey) return
  const links = [...document.querySelectorAll<HTMLAnchorElement>('#dags .item .id a')]
  const active = document.activeElement
  const at = active instanceof HTMLAnchorElement ? links.indexOf(active) : -1
  const next = links[Math.min(links.length - 1, Math.max(0, at + (event.key === 'j' ? 1 : -1)))]
  next?.focus()
})
