// What only a person can say: a line of text, or a password that nobody may see.

import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { BaramError } from '../core/errors.ts'
import { forTerminal } from './visible.ts'

/** Takes what is typed and shows none of it. */
const nowhere = () =>
  new Writable({
    write(_chunk, _encoding, done) {
      done()
    },
  })

async function ask(question: string, output: NodeJS.WritableStream, isShown: boolean): Promise<string> {
  const asker = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 })
  const ended = new Promise<never>((_, reject) => {
    const stop = () => reject(new BaramError('REFUSED', 'nothing was typed; nothing was done'))
    asker.once('SIGINT', stop)
    asker.once('close', stop)
  })
  // Raced below; whoever closes it later has nobody to tell.
  ended.catch(() => undefined)
  if (!isShown) process.stderr.write(forTerminal(question))
  try {
    return await Promise.race([asker.question(isShown ? forTerminal(question) : ''), ended])
  } finally {
    asker.close()
    if (!isShown) process.stderr.write('\n')
  }
}

export const isTerminal = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true

/** @throws BaramError REFUSED when nothing is typed */
export const askText = (question: string): Promise<string> => ask(question, process.stderr, true)

/** @throws BaramError REFUSED when nothing is typed */
export const askSecret = (question: string): Promise<string> => ask(question, nowhere(), false)

/** The first line of standard input. @throws BaramError INPUT_INVALID */
export async function readLine(what: string): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) {
    text += String(chunk)
    if (text.includes('\n') || text.length > 10_000) break
  }
  const [line = ''] = text.split(/\r?\n/)
  if (line !== '') return line
  throw new BaramError(
    'INPUT_INVALID',
    `there is no ${what} on standard input; type it at a terminal, or send it there`,
  )
}
