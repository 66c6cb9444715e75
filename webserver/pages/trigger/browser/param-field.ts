// One field of the trigger form and the JSON value it stands for. `undefined` = the configuration has no such key.

import { instantOf, localOf, zonedIso } from '../../forms/zoned.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What a field holds, or why that is no value. */
export type Read = { readonly value: Json | undefined } | { readonly fault: string }

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement

const parseJson = (text: string): Json => JSON.parse(text) as Json // JSON.parse makes nothing else

export class ParamField {
  readonly name: string
  readonly box: HTMLElement
  private readonly kind: string
  private readonly isNullable: boolean
  private readonly zone: string
  private readonly control: Control | null
  private readonly choices: readonly HTMLInputElement[]

  constructor(box: HTMLElement, zone: string) {
    this.box = box
    this.zone = zone
    this.name = box.dataset['param'] ?? ''
    this.kind = box.dataset['kind'] ?? 'json'
    this.isNullable = box.dataset['nullable'] === 'true'
    this.control = box.querySelector<Control>('input[id], textarea, select')
    this.choices = [...box.querySelectorAll<HTMLInputElement>('.seg input, .checks input')]
  }

  /** An empty field: null where the schema allows it, else no value at all. */
  private get none(): Json | undefined {
    return this.isNullable ? null : undefined
  }

  read(before: Json | undefined): Read {
    const text = this.control?.value ?? ''
    switch (this.kind) {
      case 'switch':
        return { value: this.control instanceof HTMLInputElement && this.control.checked }
      case 'checks':
        return { value: this.choices.filter((choice) => choice.checked).map((choice) => parseJson(choice.value)) }
      case 'segments': {
        const chosen = this.choices.find((choice) => choice.checked)
        return { value: chosen === undefined ? this.none : parseJson(chosen.value) }
      }
      case 'lines': {
        const lines = text.split('\n').map((line) => line.trim())
        return { value: lines.filter((line) => line !== '') }
      }
      case 'text':
      case 'area':
        // A text that was empty stays so; one that was never given is given when something is written.
        return { value: text !== '' || before === '' ? text : typeof before === 'string' ? '' : this.none }
      default:
        return text.trim() === '' ? { value: this.none } : this.readText(text)
    }
  }

  private readText(text: string): Read {
    if (this.kind === 'number')
      return Number.isFinite(Number(text)) ? { value: Number(text) } : { fault: 'This is no number.' }
    if (this.kind === 'datetime') {
      const at = instantOf(text, this.zone)
      return at === null ? { fault: 'This is no date with a time.' } : { value: zonedIso(at, this.zone) }
    }
    if (this.kind === 'date') return { value: text }
    try {
      return { value: parseJson(text) }
    } catch (error) {
      return { fault: `This is no JSON yet: ${error instanceof Error ? error.message : 'it cannot be read'}` }
    }
  }

  write(value: Json | undefined): void {
    const list = Array.isArray(value) ? (value as readonly Json[]) : []
    const chosen = new Set((this.kind === 'checks' ? list : [value]).map((item) => JSON.stringify(item)))
    for (const choice of this.choices) choice.checked = chosen.has(JSON.stringify(parseJson(choice.value)))
    if (this.control === null) return
    if (this.kind === 'switch') {
      if (this.control instanceof HTMLInputElement) this.control.checked = value === true
    } else this.control.value = this.textOf(value, list)
  }

  private textOf(value: Json | undefined, list: readonly Json[]): string {
    if (value === undefined || (value === null && this.kind !== 'select')) return ''
    switch (this.kind) {
      case 'select':
        return JSON.stringify(value)
      case 'lines':
        return list.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))).join('\n')
      case 'json':
        return JSON.stringify(value, null, 2)
      case 'datetime': {
        const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
        return Number.isNaN(at) ? '' : localOf(at, this.zone)
      }
      default:
        return typeof value === 'string' ? value : JSON.stringify(value)
    }
  }

  tell(fault: string | null): void {
    const place = this.box.querySelector<HTMLElement>('.err')
    if (place === null) return
    place.hidden = fault === null
    const text = place.querySelector('span')
    if (text !== null) text.textContent = fault ?? ''
    this.control?.classList.toggle('bad', fault !== null)
  }
}
