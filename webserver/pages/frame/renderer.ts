// Handlebars at run time: precompiled templates and a closed list of helpers. Everything is escaped; only markup made
// here from constants goes out as it is.

import { createRequire } from 'node:module'
import type HandlebarsModule from 'handlebars'
import { moment, relative, zoneName } from '../../../core/times.ts'
import type { Assets } from '../../assets.ts'
import { BOX, cellState, MARKS, STATE_NAMES } from '../../states/cells.ts'
import { english, plain, sentence } from './sentence.ts'

// Only the run-time part: it cannot compile. Its own typings name nothing, the whole package's describe it.
const Handlebars = createRequire(import.meta.url)('handlebars/runtime') as typeof HandlebarsModule

const escapeHtml = (text: string): string => Handlebars.escapeExpression(text)
/** Marks markup that was made from constants and escaped values. */
export const markup = (html: string) => new Handlebars.SafeString(html)
export { escapeHtml }

const ICON_NAME = /^[a-z0-9-]+$/

export function cellMarkup(state: string | null, isQuiet = false): string {
  const name = cellState(state)
  const weight = name === 'scheduled' ? ' stroke-width="3"' : ''
  const mark = isQuiet ? '' : `<path class="m m-${name}" d="${MARKS[name]}"${weight}/>`
  return `<svg class="cell" viewBox="0 0 14 14" aria-hidden="true"><path class="b f-${name}" d="${BOX}"/>${mark}</svg>`
}

export interface TimeOptions {
  readonly at: number
  readonly zone: string
  readonly now: number
}

/** A time with its zone in the title and its instant for machines. */
export function timeMarkup(at: number, zone: string, now: number, isRelative = false, withZone = false): string {
  const name = zoneName(zone, at)
  const text = isRelative && Math.abs(at - now) < 86_400_000 ? relative(at, now) : moment(at, zone, now)
  const title = `${moment(at, zone, now)} ${name} · ${moment(at, 'UTC', now)} UTC`
  const shown = withZone && !isRelative ? `${text} ${name}` : text
  return `<time datetime="${new Date(at).toISOString()}" title="${escapeHtml(title)}">${escapeHtml(shown)}</time>`
}

interface HelperOptions {
  readonly hash: Readonly<Record<string, unknown>>
}

export type Renderer = (name: string, view: object) => string

export function makeRenderer(assets: Assets): Renderer {
  const handlebars = Handlebars.create()
  const icons = assets.url('icons.svg')
  handlebars.registerHelper({
    eq: (a: unknown, b: unknown) => a === b,
    not: (a: unknown) => a !== true && (a === undefined || a === null || a === false || a === '' || a === 0),
    and: (a: unknown, b: unknown) => Boolean(a) && Boolean(b),
    or: (a: unknown, b: unknown) => Boolean(a) || Boolean(b),
    t: (text: string, options: HelperOptions) =>
      plain(
        sentence(
          english,
          text,
          Object.fromEntries(Object.entries(options.hash).map(([key, value]) => [key, String(value)])),
        ),
      ),
    icon: (name: string) => {
      if (!ICON_NAME.test(name)) throw new Error(`no icon ${name}`)
      return markup(`<svg class="i" viewBox="0 0 24 24" aria-hidden="true"><use href="${icons}#${name}"/></svg>`)
    },
    cell: (state: string | null) => markup(cellMarkup(state)),
    badge: (state: string | null) => {
      const name = cellState(state)
      return markup(`<span class="badge t-${name} x-${name}">${cellMarkup(state)}${STATE_NAMES[name]}</span>`)
    },
    time: (at: number | null, zone: string, now: number, options: HelperOptions) =>
      at === null
        ? '—'
        : markup(timeMarkup(at, zone, now, options.hash['relative'] === true, options.hash['zone'] === true)),
    asset: (name: string) => assets.url(name),
    /** JSON for a data block: `<` cannot end the block. */
    json: (value: unknown) => markup(JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028')),
  })
  const compiled = new Map<string, HandlebarsModule.TemplateDelegate>()
  for (const [name, spec] of Object.entries(assets.templates)) {
    // Precompiled by our own build.
    const template = handlebars.template(spec as TemplateSpecification)
    compiled.set(name, template)
    handlebars.registerPartial(name.replace(/^partials\//, ''), template)
  }
  return (name, view) => {
    const template = compiled.get(name)
    if (template === undefined) throw new Error(`there is no template ${name}`)
    return template(view)
  }
}
