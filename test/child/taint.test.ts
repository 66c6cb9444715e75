// What an attempt may leave behind for the next one in its process: each kind is seen, and nothing else is.

import { afterEach, describe, expect, it, vi } from 'vitest'
import { isTainted, takeTraces } from '../../child/taint.ts'

const undo: (() => void)[] = []
afterEach(() => {
  for (const step of undo.splice(0).reverse()) step()
})

/** Whether a deed leaves traces. */
async function taints(deed: () => unknown): Promise<boolean> {
  const before = takeTraces()
  await deed()
  return isTainted(before, takeTraces())
}

function listen(event: 'SIGTERM' | 'unhandledRejection' | 'exit'): void {
  const listener = () => undefined
  process.on(event, listener)
  undo.push(() => process.off(event, listener))
}

function extend(prototype: object, name: string): void {
  Object.defineProperty(prototype, name, { value: () => 1, configurable: true })
  undo.push(() => Reflect.deleteProperty(prototype, name))
}

function setEnv(name: string, value: string | undefined): void {
  // The environment of this test's own process, as a task would change it.
  const { env } = process
  const before = env[name]
  if (value === undefined) delete env[name]
  else env[name] = value
  undo.push(() => {
    if (before === undefined) delete env[name]
    else env[name] = before
  })
}

function startTimer(): void {
  const timer = setInterval(() => undefined, 1e9)
  undo.push(() => clearInterval(timer))
}

describe('an attempt taints its process', () => {
  it.each<[string, () => void]>([
    [
      'goes to another folder',
      () => void undo.push(vi.spyOn(process, 'cwd').mockReturnValue('/elsewhere').mockRestore),
    ],
    ['sets a variable of the environment', () => setEnv('BARAM_TAINT_TEST', '1')],
    ['removes one', () => setEnv('PATH', undefined)],
    ['adds to what all objects have', () => extend(Object.prototype, 'taint')],
    ['adds to what all lists have', () => extend(Array.prototype, 'taint')],
    ['adds to what all promises have', () => extend(Promise.prototype, 'taint')],
    ['listens for a signal', () => listen('SIGTERM')],
    ['listens for errors that nobody caught', () => listen('unhandledRejection')],
    ['listens for the end of the process', () => listen('exit')],
    ['leaves a timer', startTimer],
  ])('when it %s', async (_, deed) => {
    expect(await taints(deed)).toBe(true)
  })

  it('when it takes a listener away that stood there before', async () => {
    listen('exit')
    const before = takeTraces()
    for (const step of undo.splice(0)) step()
    expect(isTainted(before, takeTraces())).toBe(true)
  })
})

describe('an attempt leaves its process clean', () => {
  it.each<[string, () => unknown]>([
    ['does nothing', () => undefined],
    ['awaits', () => Promise.resolve(1)],
    ['waits for a turn of the loop', () => new Promise((done) => setImmediate(done))],
    [
      'takes back what it has changed',
      () => {
        setEnv('BARAM_TAINT_TEST', '1')
        listen('SIGTERM')
        startTimer()
        for (const step of undo.splice(0).reverse()) step()
      },
    ],
    ['changes an object of its own', () => Object.assign(Object.create(null) as object, { taint: 1 })],
  ])('when it %s', async (_, deed) => {
    expect(await taints(deed)).toBe(false)
  })

  it('when a timer that stood there before has come', async () => {
    startTimer()
    const before = takeTraces()
    for (const step of undo.splice(0)) step()
    expect(isTainted(before, takeTraces())).toBe(false)
  })
})
