// A watch on a stream: runs while the other side is to move, rests while our own side is.

export class Stall {
  readonly #limitMs: number
  readonly #onStall: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(limitMs: number, onStall: () => void) {
    this.#limitMs = limitMs
    this.#onStall = onStall
  }

  /** The other side is to move: begins anew. */
  wait(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#onStall, this.#limitMs)
  }

  rest(): void {
    clearTimeout(this.#timer)
  }
}
