// The process of a peer that is a library: enqueues and works in one, as its documents show it. Started by library.mjs.

import { createRequire } from 'node:module'
import { join } from 'node:path'

let peer

async function answer({ open, measure, close }) {
  if (open !== undefined) {
    const { file, folder, ...options } = open
    const load = createRequire(join(folder, 'package.json'))
    peer = await (await import(file)).open({ ...options, load })
    return { about: peer.about, notes: peer.notes, cannot: peer.cannot, ids: Object.keys(peer.measures) }
  }
  if (measure !== undefined) return peer.measures[measure]()
  if (close) return peer?.close()
}

process.on('message', async ({ id, ...request }) => {
  try {
    process.send({ id, value: await answer(request) })
  } catch (error) {
    process.send({ id, error: error.stack ?? String(error) })
  }
})
