// Times pass without an event: the page looks again while it is seen.

import { refresh } from '../frame/browser/regions.ts'

const EVERY_MS = 10_000

window.setInterval(() => {
  if (!document.hidden) void refresh()
}, EVERY_MS)
