// Parts of a page that the server draws anew: fetched as the page itself, put in place where they differ. The HTML is the
// server's own, escaped there; nothing is built from data here.

let isFetching = false
let tookMs = 0
let isWanted = false
const listeners: (() => void)[] = []

/** How long the last look at the page took. */
export const lastRefreshMs = (): number => tookMs

/** Called after regions were replaced. */
export const onReplaced = (listener: () => void): void => {
  listeners.push(listener)
}

/** Focus and scroll positions stay what they were where the same thing is there again; `replace` gives what is there then. */
function keepPlace(region: Element, replace: () => Element): void {
  const active = document.activeElement
  const isInside = active instanceof HTMLElement && region.contains(active)
  const selector = isInside ? (active.id === '' ? null : `#${CSS.escape(active.id)}`) : null
  const href = isInside ? active.getAttribute('href') : null
  const scrolls = [...region.querySelectorAll('[id]')].map(
    (item) => [item.id, item.scrollLeft, item.scrollTop] as const,
  )
  const fresh = replace()
  for (const [id, left, top] of scrolls) {
    const element = left === 0 && top === 0 ? null : fresh.querySelector(`#${CSS.escape(id)}`)
    if (element !== null) element.scrollTo(left, top)
  }
  const find = (query: string) => fresh.querySelector<HTMLElement>(query)
  const target = selector !== null ? find(selector) : href !== null ? find(`[href="${CSS.escape(href)}"]`) : null
  target?.focus({ preventScroll: true })
}

function put(page: Document): boolean {
  const now = [...document.querySelectorAll('[data-region]')]
  const next = [...page.querySelectorAll('[data-region]')]
  const ids = (list: Element[]) => list.map((item) => item.id).join()
  // A page of another form is shown whole.
  if (ids(now) !== ids(next)) {
    const main = document.querySelector('main')
    const other = page.querySelector('main')
    if (main === null || other === null) return false
    keepPlace(main, () => {
      const adopted = document.importNode(other, true)
      main.replaceWith(adopted)
      return adopted
    })
    for (const id of ['crumbs', 'toast', 'error-count']) swap(id, page)
    document.title = page.title
    return true
  }
  for (const region of next) swap(region.id, page)
  document.title = page.title
  return true
}

function swap(id: string, page: Document): void {
  const old = document.getElementById(id)
  const fresh = page.getElementById(id)
  if (old === null || fresh === null || old.isEqualNode(fresh)) return
  // A toast is told once: the next look at the page has none, and must not take it away.
  if (id === 'toast' && fresh.childElementCount === 0) return
  const adopted = document.importNode(fresh, true)
  keepPlace(old, () => {
    for (const { name, value } of adopted.attributes) old.setAttribute(name, value)
    old.replaceChildren(...adopted.childNodes)
    return old
  })
}

export function show(html: string): void {
  const page = new DOMParser().parseFromString(html, 'text/html')
  if (put(page)) for (const listener of listeners) listener()
}

/** Looks at this page again; several wishes at once are one look. */
export async function refresh(): Promise<void> {
  if (isFetching) {
    isWanted = true
    return
  }
  isFetching = true
  const here = location.href
  const start = performance.now()
  try {
    const response = await fetch(here, { headers: { accept: 'text/html' }, redirect: 'error' })
    if (response.ok && location.href === here) show(await response.text())
  } catch {
    // The live dot tells of a lost connection; the next event looks again.
  } finally {
    isFetching = false
    tookMs = performance.now() - start
    if (isWanted) {
      isWanted = false
      void refresh()
    }
  }
}

/** Goes to another view of this page without loading it whole. */
export async function go(url: string, isReplacing = false): Promise<void> {
  if (isReplacing) history.replaceState(null, '', url)
  else history.pushState(null, '', url)
  const here = location.href
  try {
    const response = await fetch(url, { headers: { accept: 'text/html' } })
    const html = await response.text()
    // Another view was asked for meanwhile: this answer is late, and must not be shown over it.
    if (location.href !== here) return
    if (response.redirected) location.assign(response.url)
    else show(html)
  } catch {
    if (location.href === here) location.assign(url)
  }
}
