// The trigger form: the configuration as fields and as JSON, two views of one value that follow each other; it is checked
// while it is written, and the command and call beside it follow.

import { type Json, ParamField } from './browser/param-field.ts'

const form = document.querySelector<HTMLFormElement>('#trigger')
const conf = document.querySelector<HTMLTextAreaElement>('#conf')
const confFault = document.getElementById('conf-fault')
const zone = form?.dataset['zone'] ?? 'UTC'
const fields = [...document.querySelectorAll<HTMLElement>('[data-param]')].map((box) => new ParamField(box, zone))

type Conf = Readonly<Record<string, Json>>

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
const input = (id: string): string => document.querySelector<HTMLInputElement>(`#${id}`)?.value ?? ''

/** What the JSON view holds, or why it is no configuration. */
function readConf(): Conf | string {
  const text = conf === null || conf.value.trim() === '' ? '{}' : conf.value
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return 'The configuration must be a JSON object.'
    return value as Conf // Proven an object that JSON.parse made.
  } catch (error) {
    return error instanceof Error ? error.message : 'This is no JSON yet.'
  }
}

function put(id: string, rest: string): void {
  const place = document.getElementById(id)
  if (place !== null) place.textContent = `${place.dataset['start'] ?? ''}${rest}`
}

function showCommands(value: Conf): void {
  const line = JSON.stringify(value)
  put('command', line === '{}' ? '' : ` --conf ${quote(line)}`)
  put('curl', quote(`{"conf": ${line}}`))
}

/** Checks the JSON view; true when it holds a configuration. */
function check(): boolean {
  const value = readConf()
  const isFault = typeof value === 'string'
  if (confFault !== null) {
    confFault.hidden = !isFault
    confFault.textContent = isFault ? value : ''
  }
  conf?.classList.toggle('bad', isFault)
  if (!isFault) showCommands(value)
  return !isFault
}

/** A field has changed: its key of the configuration follows, other keys stay. */
function take(field: ParamField): void {
  const value = readConf()
  if (conf === null || typeof value === 'string') return
  const before = value[field.name]
  const read = field.read(before)
  field.tell('fault' in read ? read.fault : null)
  if ('fault' in read) return
  const entries = Object.entries(value)
  const kept = entries.filter(([name]) => name !== field.name || read.value !== undefined)
  const next = kept.map(([name, item]) => [name, name === field.name ? (read.value ?? null) : item] as const)
  const isNew = read.value !== undefined && !entries.some(([name]) => name === field.name)
  conf.value = JSON.stringify(Object.fromEntries(isNew ? [...next, [field.name, read.value]] : next), null, 2)
  check()
}

function fill(): void {
  const value = readConf()
  if (typeof value === 'string') return
  for (const field of fields) field.write(Object.hasOwn(value, field.name) ? value[field.name] : undefined)
}

const views = document.getElementById('views')
const formView = document.getElementById('form-view')
const jsonView = document.getElementById('json-view')

function showView(isForm: boolean): void {
  if (formView === null || jsonView === null) return
  if (isForm) {
    if (!check()) return
    fill()
  }
  formView.hidden = !isForm
  jsonView.hidden = isForm
  document.getElementById('to-form')?.setAttribute('aria-pressed', String(isForm))
  document.getElementById('to-json')?.setAttribute('aria-pressed', String(!isForm))
}

function showInterval(): void {
  const place = document.getElementById('shown-interval')
  if (place === null) return
  const start = input('interval_start')
  const end = input('interval_end')
  const text = (local: string) => (local === '' ? '…' : local.replace('T', ' '))
  place.textContent =
    start === '' && end === '' ? (place.dataset['none'] ?? '') : `${text(start)} → ${text(end)} ${zone}`
}

conf?.addEventListener('input', check)
for (const field of fields) field.box.addEventListener('input', () => take(field))
for (const id of ['interval_start', 'interval_end'])
  document.getElementById(id)?.addEventListener('input', showInterval)
document.getElementById('to-form')?.addEventListener('click', () => showView(true))
document.getElementById('to-json')?.addEventListener('click', () => showView(false))
form?.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) form.requestSubmit()
})
showInterval()
if (views !== null) {
  views.hidden = false
  showView(typeof readConf() !== 'string')
}
