// Where a process may die, counted: before, in the middle of and after each call of a port, of the file system, of Postgres and of the
// network. The process that is to die at point n runs the product's own code; only the methods it calls are wrapped.

import fs from 'node:fs'
import filePromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'

type Method = (this: unknown, ...args: readonly unknown[]) => unknown
/** The arguments of a call that is to end in its middle: the process dies when it is there. */
type HalfWay = (args: readonly unknown[], die: () => never) => readonly unknown[]

const writeOut = fs.writeSync

export class KillPoints {
  readonly #deadly: number
  readonly #calls = new Map<string, number>()
  #count = 0

  /** @param deadly the number of the point to die at, from 1; 0 = none */
  constructor(deadly: number) {
    this.#deadly = deadly
  }

  get count(): number {
    return this.#count
  }

  /** Counts the calls of one name: `lake.write #2`. */
  nameOf(call: string): string {
    const n = (this.#calls.get(call) ?? 0) + 1
    this.#calls.set(call, n)
    return `${call} #${n}`
  }

  /** One more point. @returns whether it is the one to die at */
  reach(): boolean {
    this.#count += 1
    return this.#count === this.#deadly
  }

  pass(name: string): void {
    if (this.reach()) this.die(name)
  }

  /** Tells where, and dies as if the power of this process alone had gone. */
  die(name: string): never {
    writeOut(1, name)
    process.kill(process.pid, 'SIGKILL')
    throw new Error('a killed process went on')
  }
}

function wrap(points: KillPoints, call: string, original: Method, halfWay: HalfWay | undefined): Method {
  return function (...args) {
    const name = points.nameOf(call)
    points.pass(`before ${name}`)
    const isHalf = halfWay !== undefined && points.reach()
    const given = isHalf ? halfWay(args, () => points.die(`in the middle of ${name}`)) : args
    const result = Reflect.apply(original, this, given)
    if (!(result instanceof Promise)) {
      points.pass(`after ${name}`)
      return result
    }
    return result.then((value: unknown) => {
      points.pass(`after ${name}`)
      return value
    })
  }
}

/** Replaces methods of an object, or of a prototype and so of all its objects. */
export function guard(
  points: KillPoints,
  room: string,
  object: object,
  methods: readonly string[],
  halfWays: Readonly<Record<string, HalfWay>> = {},
): void {
  for (const method of methods) {
    const original: unknown = Reflect.get(object, method)
    if (typeof original !== 'function') throw new Error(`${room} has no method ${method}`)
    const wrapped = wrap(points, `${room}.${method}`, original as Method, halfWays[method])
    Object.defineProperty(object, method, { value: wrapped, writable: true, configurable: true })
  }
}

/** As `guard`, for methods that change nothing: before and after such a call the sink is the same, so it is one point. */
export function guardReads(points: KillPoints, room: string, object: object, methods: readonly string[]): void {
  for (const method of methods) {
    const original = Reflect.get(object, method) as Method
    const wrapped: Method = function (...args) {
      points.pass(`before ${points.nameOf(`${room}.${method}`)}`)
      return Reflect.apply(original, this, args)
    }
    Object.defineProperty(object, method, { value: wrapped, writable: true, configurable: true })
  }
}

/** As `guard`, for what a method gives: `begin` of a producer gives a transaction, whose calls count too. */
export function guardResult(object: object, method: string, give: (result: object) => void): void {
  const original = Reflect.get(object, method) as Method
  const wrapped: Method = async function (...args) {
    const result = await Reflect.apply(original, this, args)
    if (typeof result === 'object' && result !== null) give(result)
    return result
  }
  Object.defineProperty(object, method, { value: wrapped, writable: true, configurable: true })
}

/** Items up to number `count` (or all, where there are fewer); then the process dies instead of giving another. */
async function* diesAfter(
  items: AsyncIterable<unknown> | Iterable<unknown>,
  count: number,
  die: () => never,
): AsyncGenerator<unknown> {
  let given = 0
  for await (const item of items) {
    if (given === count) die()
    yield item
    given += 1
  }
  die()
}

/** A half of the call is what its source, argument number `at`, gives before its item number `count`. */
export function halfOfSource(at: number, count: number): HalfWay {
  return (args, die) => {
    // Every method that is guarded so takes an iterable there.
    const source = args[at] as AsyncIterable<unknown>
    return args.map((value, i) => (i === at ? diesAfter(source, count, die) : value))
  }
}

/** Changes alone: who only reads leaves nothing behind. */
const FILE_CALLS = ['open', 'rename', 'link', 'unlink', 'rm', 'rmdir', 'mkdir', 'writeFile'] as const
const SYNC_CALLS = ['linkSync', 'renameSync', 'rmSync', 'writeFileSync'] as const
const HANDLE_CALLS = ['write', 'writeFile', 'sync', 'datasync', 'truncate'] as const

/** A write that leaves the first half of its bytes: what a file system may show after a kill. */
function tornWrite(points: KillPoints, handle: object, method: 'write' | 'writeFile'): void {
  const original = Reflect.get(handle, method) as Method
  const wrapped: Method = async function (...args) {
    if (!points.reach()) return Reflect.apply(original, this, args)
    const [given, offset = 0, length, position] = args
    const bytes = typeof given === 'string' ? Buffer.from(given) : (given as Uint8Array)
    const half = Number(length ?? bytes.length - Number(offset)) >> 1
    const torn = method === 'writeFile' ? [bytes.subarray(0, half)] : [bytes, offset, half, position]
    await Reflect.apply(original, this, torn)
    return points.die(`in the middle of a file's ${method}`)
  }
  Object.defineProperty(handle, method, { value: wrapped, writable: true, configurable: true })
}

/** Every call that changes a file. */
export async function guardFiles(points: KillPoints): Promise<void> {
  // Its class has no name of its own.
  const handle = await filePromises.open('/dev/null', 'r')
  const prototype: object = Object.getPrototypeOf(handle) as object
  await handle.close()
  for (const method of ['write', 'writeFile'] as const) tornWrite(points, prototype, method)
  guard(points, 'handle', prototype, HANDLE_CALLS)
  guard(points, 'fs', filePromises, FILE_CALLS)
  guard(points, 'fs', fs, SYNC_CALLS)
  syncBuiltinESMExports()
}

/** Every piece that goes to a server. After it the server has the request, and its answer is lost. */
export function guardNetwork(points: KillPoints): void {
  // Where a socket hands its bytes to the kernel; corked ones come here together. Node has no public word for it.
  const method = '_writeGeneric'
  const original = Reflect.get(Socket.prototype, method) as Method
  const wrapped: Method = function (this: unknown, ...args) {
    // While it connects, the socket calls again once it has.
    const isSent = this instanceof Socket && !this.connecting
    const name = isSent ? points.nameOf('socket.write') : ''
    if (isSent) points.pass(`before ${name}`)
    const result = Reflect.apply(original, this, args)
    if (isSent) points.pass(`after ${name}`)
    return result
  }
  Object.defineProperty(Socket.prototype, method, { value: wrapped, writable: true, configurable: true })
}
