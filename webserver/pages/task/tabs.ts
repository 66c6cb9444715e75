// The tabs of an instance's page.

export type TaskTab = 'log' | 'rendered' | 'xcom' | 'tries' | 'events'

/** How many things a tab has. */
export interface TabCounts {
  readonly rendered: number
  readonly tries: number
  readonly events: number
}

/** Rendered fields have a tab where there are any, or when it is asked for. */
export function tabsView(tab: TaskTab, counts: TabCounts, linkOf: (tab: TaskTab) => string) {
  const tabs: readonly { readonly id: TaskTab; readonly text: string; readonly n: number | null }[] = [
    { id: 'log', text: 'Log', n: null },
    { id: 'rendered', text: 'Rendered', n: counts.rendered },
    { id: 'xcom', text: 'XCom', n: null },
    { id: 'tries', text: 'Tries', n: counts.tries },
    { id: 'events', text: 'Events', n: counts.events },
  ]
  return tabs
    .filter(({ id, n }) => id !== 'rendered' || n !== 0 || tab === 'rendered')
    .map(({ id, text, n }) => ({ text, n, isCurrent: id === tab, href: linkOf(id) }))
}
