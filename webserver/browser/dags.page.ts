// The list of DAGs: filter as one types, `j`/`k` move, Enter opens.

import { watchFilter } from './filter.ts'
import { onReplaced } from './regions.ts'

const apply = watchFilter()
onReplaced(apply)

document.addEventListener('keydown', (event) => {
  if (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return
  if ((event.key !== 'j' && event.key !== 'k') || event.metaKey || event.ctrlKey) return
  const links = [...document.querySelectorAll<HTMLAnchorElement>('#dags .item:not([hidden]) .id a')]
  const active = document.activeElement
  const at = active instanceof HTMLAnchorElement ? links.indexOf(active) : -1
  const next = links[Math.min(links.length - 1, Math.max(0, at + (event.key === 'j' ? 1 : -1)))]
  next?.focus()
})
