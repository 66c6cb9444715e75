// On every page: forms and links that change only parts, copying, the account menu, toasts that go, the page's stream.

import { connect } from './browser/live.ts'
import { watchPalette } from './browser/palette.ts'
import { go, refresh, show } from './browser/regions.ts'

/** Pages with a stream of their own options open it themselves. */
const OWN_STREAM = ['#grid-data', '#log']
const TOAST_MS = 10_000

async function submit(form: HTMLFormElement): Promise<void> {
  const body = new URLSearchParams()
  for (const [key, value] of new FormData(form)) if (typeof value === 'string') body.append(key, value)
  const here = new URL(location.href)
  if (body.has('here')) body.set('here', here.pathname + here.search)
  else body.append('here', here.pathname + here.search)
  const response = await fetch(form.action, { method: 'POST', body })
  show(await response.text())
}

document.addEventListener('submit', (event) => {
  const form = event.target
  if (!(form instanceof HTMLFormElement)) return
  const question = form.dataset['confirm']
  if (question !== undefined && !window.confirm(question)) {
    event.preventDefault()
    return
  }
  if (form.dataset['soft'] === undefined) return
  event.preventDefault()
  submit(form).catch(() => form.submit())
})

/** A form that asks the server anew with each change of it: the scope of a preview. */
document.addEventListener('change', (event) => {
  const form = event.target instanceof HTMLElement ? event.target.closest('form') : null
  if (form === null || form.dataset['auto'] === undefined) return
  const values = new URLSearchParams()
  for (const [key, value] of new FormData(form)) if (typeof value === 'string') values.append(key, value)
  void go(`${new URL(form.action).pathname}?${values}`, true)
})

document.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target : null
  for (const menu of document.querySelectorAll('details.account[open]'))
    if (target === null || !menu.contains(target)) menu.removeAttribute('open')
  const copy = target?.closest<HTMLElement>('[data-copy]')
  if (copy !== null && copy !== undefined) {
    const text = document.querySelector(copy.dataset['copy'] ?? '')?.textContent ?? ''
    void navigator.clipboard.writeText(text)
    return
  }
  const link = target?.closest('a[data-go]')
  if (link === null || link === undefined || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0)
    return
  event.preventDefault()
  // By the attribute: links inside an SVG have no address of their own as text.
  void go(new URL(link.getAttribute('href') ?? '', location.href).href)
})

window.addEventListener('popstate', () => void refresh())

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape')
    for (const menu of document.querySelectorAll('details.account[open]')) menu.removeAttribute('open')
  const isTyping = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)
  if (event.key === '/' && !isTyping) {
    const search = document.querySelector<HTMLInputElement>('main .search input')
    if (search !== null) {
      event.preventDefault()
      search.focus()
    }
  }
})

watchPalette()

/** A toast goes by itself; it stays while a hand or the focus is on it. */
const toast = document.getElementById('toast')
if (toast !== null) {
  let timer = 0
  const wait = () => {
    window.clearTimeout(timer)
    if (toast.childElementCount === 0) return
    timer = window.setTimeout(() => {
      if (toast.matches(':hover, :focus-within')) wait()
      else toast.replaceChildren()
    }, TOAST_MS)
  }
  new MutationObserver(wait).observe(toast, { childList: true })
  wait()
}

const { topics } = document.body.dataset
if (topics !== undefined && topics !== '' && !OWN_STREAM.some((selector) => document.querySelector(selector) !== null))
  connect({ topics })
