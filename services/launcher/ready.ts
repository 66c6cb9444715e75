// When a member serves. Told as data, not as a function, so that another process can restart the member and wait again.

import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'

export type Ready =
  /** Takes a connection; with `send` it must answer with a text that holds `holds`. */
  | { readonly kind: 'tcp'; readonly port: number; readonly send?: string; readonly holds?: string }
  /** Answers 200 with a body that holds `holds`. */
  | { readonly kind: 'http'; readonly url: string; readonly holds?: string }
  /** Wrote this into its log since it was started. */
  | { readonly kind: 'log'; readonly holds: string }

const ANSWER_MS = 2_000

function answersOn({ port, send, holds = '' }: Extract<Ready, { kind: 'tcp' }>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    let said = ''
    const end = (isReady: boolean): void => {
      socket.destroy()
      resolve(isReady)
    }
    socket.setTimeout(ANSWER_MS, () => end(false))
    socket.on('error', () => end(false))
    socket.on('close', () => end(false))
    socket.on('connect', () => (send === undefined ? end(true) : socket.write(send)))
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1')
      if (said.includes(holds)) end(true)
    })
  })
}

/** The body of a 200, else null: a server that is still starting refuses, hangs or answers something else. */
export async function fetchText(url: string): Promise<string | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    const body = await answer.text()
    return answer.status === 200 ? body : null
  } catch {
    return null
  }
}

/** What the member has written since `begin`, a size of its log file. */
export async function readLogSince(logFile: string, begin: number): Promise<string> {
  const bytes = await readFile(logFile).catch(() => Buffer.alloc(0))
  return bytes.subarray(begin).toString('utf8')
}

export async function isReady(ready: Ready, logFile: string, begin: number): Promise<boolean> {
  switch (ready.kind) {
    case 'tcp':
      return answersOn(ready)
    case 'http':
      return (await fetchText(ready.url))?.includes(ready.holds ?? '') ?? false
    case 'log':
      return (await readLogSince(logFile, begin)).includes(ready.holds)
  }
}
