// pg, loaded as on newer versions of Node: to tell it from Cloudflare's runtime pg makes a `Response` where there is no `navigator`
// (Node 20), which loads all of undici: 5 MB and some 40 ms of each process.

import { createRequire } from 'node:module'
import type Pg from 'pg'

function load(): typeof Pg {
  const require = createRequire(import.meta.url)
  if ('navigator' in globalThis) return require('pg') as typeof Pg
  Object.defineProperty(globalThis, 'navigator', {
    value: { userAgent: `Node.js/${process.versions.node}` },
    configurable: true,
  })
  try {
    return require('pg') as typeof Pg
  } finally {
    Reflect.deleteProperty(globalThis, 'navigator')
  }
}

export const { Client, Pool, types } = load()
