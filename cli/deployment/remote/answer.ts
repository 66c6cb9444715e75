// A JSON answer, read field by field: what is not as Airflow's document has it is told with its place, and goes no further.

import { BaramError } from '../../../core/errors.ts'

type Fields = Readonly<Record<string, unknown>>

export class Answer {
  private readonly value: unknown
  private readonly place: string

  constructor(value: unknown, place: string) {
    this.value = value
    this.place = place
  }

  private wrong(field: string, expected: string, found: unknown): BaramError {
    const shown = JSON.stringify(found)?.slice(0, 60) ?? 'nothing'
    return new BaramError(
      'SERVER_FAILED',
      `${this.place} must answer ${expected}${field === '' ? '' : ` as ${field}`}, found ${shown}: is it a Baram server of this version?`,
    )
  }

  private field(name: string): unknown {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value))
      throw this.wrong('', 'an object', this.value)
    // Proven an object; own fields alone are looked at.
    return Object.hasOwn(this.value, name) ? (this.value as Fields)[name] : undefined
  }

  text(name: string): string {
    const found = this.field(name)
    if (typeof found === 'string') return found
    throw this.wrong(name, 'a text', found)
  }

  textOrNull(name: string): string | null {
    return (this.field(name) ?? null) === null ? null : this.text(name)
  }

  number(name: string): number {
    const found = this.field(name)
    if (typeof found === 'number') return found
    throw this.wrong(name, 'a number', found)
  }

  numberOrNull(name: string): number | null {
    return (this.field(name) ?? null) === null ? null : this.number(name)
  }

  flag(name: string): boolean {
    const found = this.field(name)
    if (typeof found === 'boolean') return found
    throw this.wrong(name, 'true or false', found)
  }

  /** Epoch ms. */
  instantOrNull(name: string): number | null {
    const text = this.textOrNull(name)
    if (text === null) return null
    const at = Date.parse(text)
    if (Number.isNaN(at)) throw this.wrong(name, 'a time', text)
    return at
  }

  instant(name: string): number {
    const at = this.instantOrNull(name)
    if (at === null) throw this.wrong(name, 'a time', null)
    return at
  }

  /** One of a table's words. */
  word<Word extends string>(name: string, known: readonly Word[]): Word {
    const text = this.text(name)
    const word = known.find((each) => each === text)
    if (word === undefined) throw this.wrong(name, `one of ${known.join(', ')}`, text)
    return word
  }

  wordOrNull<Word extends string>(name: string, known: readonly Word[]): Word | null {
    return (this.field(name) ?? null) === null ? null : this.word(name, known)
  }

  list(name: string): readonly Answer[] {
    const found = this.field(name)
    if (!Array.isArray(found)) throw this.wrong(name, 'a list', found)
    return found.map((item, i) => new Answer(item, `${this.place} ${name}[${i}]`))
  }

  texts(name: string): readonly string[] {
    const found = this.field(name)
    if (Array.isArray(found) && found.every((item) => typeof item === 'string')) return found
    throw this.wrong(name, 'a list of texts', found)
  }

  /** An object inside it; null when there is none. */
  inner(name: string): Answer | null {
    const found = this.field(name) ?? null
    return found === null ? null : new Answer(found, `${this.place} ${name}`)
  }

  record(name: string): Fields {
    const found = this.field(name) ?? null
    if (found === null) return {}
    if (typeof found !== 'object' || Array.isArray(found)) throw this.wrong(name, 'an object', found)
    // Proven an object.
    return found as Fields
  }

  /** As JSON on one line. */
  get json(): string {
    return JSON.stringify(this.value)
  }
}
