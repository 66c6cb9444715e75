// A sink's work, killed at every point there is and tried again: what is in the sink must be what a clean run leaves, and no reader may
// have seen a half. The points are counted by the killed process itself, so none is forgotten.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { expect, inject } from 'vitest'
import type { GuardName } from './guards.ts'
import type { Order } from './work-until-killed.ts'
import { type WorkName, type World, work } from './works.ts'

/** By name, what a reader gets of each thing that must come whole: a file, a partition, a batch, a document. */
export type Units = Readonly<Record<string, unknown>>

export interface Sink {
  readonly work: WorkName
  readonly guards: readonly GuardName[]
  /** A world of its own for each kill point, as it is before the work. */
  prepare(): Promise<World>
  units(world: World): Promise<Units>
  /** All that is there: also staging, markers and positions, which no reader sees. */
  contents(world: World): Promise<unknown>
  forget?(world: World): Promise<void>
}

interface Child {
  /** Where it was killed; null when it came to its end. */
  readonly killedAt: string | null
}

async function runChild(order: Order): Promise<Child> {
  const child = spawn(process.execPath, [inject('killedProgram'), JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (child.signalCode === 'SIGKILL') return { killedAt: out }
  if (child.exitCode === 0) return { killedAt: null }
  throw new Error(`the work itself failed: ${errors}`)
}

/** The file's checksum; of a folder those below it, by path. */
export async function filesBelow(folder: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const files: Record<string, string> = {}
  for (const name of names.sort()) {
    const path = join(folder, name)
    if ((await stat(path)).isDirectory()) files[`${name}/`] = ''
    else
      files[name] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
  }
  return files
}

interface Clean {
  readonly before: Units
  readonly after: Units
  readonly contents: unknown
}

async function cleanRun(sink: Sink): Promise<Clean> {
  const world = await sink.prepare()
  const before = await sink.units(world)
  await work(sink.work, world, 1)
  const clean = { before, after: await sink.units(world), contents: await sink.contents(world) }
  await sink.forget?.(world)
  return clean
}

const told = (value: unknown) => JSON.stringify(value)?.slice(0, 2_000)

function* halvesIn(seen: Units, { before, after }: Clean): Generator<string> {
  for (const name of new Set([...Object.keys(seen), ...Object.keys(before), ...Object.keys(after)])) {
    const value = seen[name]
    const isWhole = isDeepStrictEqual(value, before[name]) || isDeepStrictEqual(value, after[name])
    if (!isWhole) yield `a reader saw a half of ${name}: ${told(value)}`
  }
}

/** What differs where two trees do, so that a failed point can be read. */
function differenceOf(found: unknown, wanted: unknown, path = ''): string {
  const isTree = (value: unknown): value is Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null
  if (!isTree(found) || !isTree(wanted)) return `${path}: ${told(found)} instead of ${told(wanted)}`
  const name = [...new Set([...Object.keys(found), ...Object.keys(wanted)])].find(
    (one) => !isDeepStrictEqual(found[one], wanted[one]),
  )
  return differenceOf(found[name ?? ''], wanted[name ?? ''], `${path}/${name}`)
}

async function* faultsAfter(sink: Sink, world: World, clean: Clean): AsyncGenerator<string> {
  yield* halvesIn(await sink.units(world), clean)
  try {
    await work(sink.work, world, 2)
  } catch (error) {
    yield `the retry failed: ${error instanceof Error ? error.stack : String(error)}`
    return
  }
  const contents = await sink.contents(world)
  if (!isDeepStrictEqual(contents, clean.contents))
    yield `what the retry left differs: ${differenceOf(contents, clean.contents)}`
  const after = await sink.units(world)
  if (!isDeepStrictEqual(after, clean.after)) yield `a reader gets something else: ${differenceOf(after, clean.after)}`
}

/** Two at once: as many as the smallest machine this runs on has cores. */
const LANES = 2

/** Kills the work at every point, in turn. Fails with the names of the points that left a difference. */
export async function killEverywhere(title: string, sink: Sink): Promise<void> {
  const clean = await cleanRun(sink)
  const faults: string[] = []
  let next = 1
  let tried = 0
  let isDone = false
  const lane = async () => {
    while (!isDone) {
      const deadly = next
      next += 1
      const world = await sink.prepare()
      const { killedAt } = await runChild({ work: sink.work, guards: sink.guards, world, deadly })
      if (killedAt === null) isDone = true
      else tried += 1
      const where = killedAt === null ? 'not killed' : `killed ${killedAt} (point ${deadly})`
      for await (const fault of faultsAfter(sink, world, clean)) faults.push(`${where}: ${fault}`)
      await sink.forget?.(world)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  console.log(`${title}: ${tried} kill points`)
  expect(faults).toEqual([])
  expect(tried).toBeGreaterThan(0)
}
