// Handlebars at run time: precompiled templates and a closed list of helpers.

import type HandlebarsModule from 'handlebars'
import type { Assets } from '../../assets.ts'
import { cellState, STATE_NAMES } from '../../states/cells.ts'
import { element, text } from './element.ts'
import { Handlebars, markup } from './markup.ts'
import { english, plain, sentence } from './sentence.ts'
import { cellMarkup } from './state-cell.ts'
import { timeMarkup } from './time.ts'

const ICON_NAME = /^[a-z0-9-]+$/

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
    t: (words: string, options: HelperOptions) =>
      plain(
        sentence(
          english,
          words,
          Object.fromEntries(Object.entries(options.hash).map(([key, value]) => [key, String(value)])),
        ),
      ),
    icon: (name: string) => {
      if (!ICON_NAME.test(name)) throw new Error(`no icon ${name}`)
      const use = element('use', { href: `${icons}#${name}` })
      return markup(element('svg', { class: 'i', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, use))
    },
    cell: (state: string | null) => markup(cellMarkup(state)),
    badge: (state: string | null) => {
      const name = cellState(state)
      return markup(element('span', { class: `badge t-${name} x-${name}` }, cellMarkup(state), text(STATE_NAMES[name])))
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
    handlebars.registerPartial(name, template)
  }
  return (name, view) => {
    const template = compiled.get(name)
    if (template === undefined) throw new Error(`there is no template ${name}`)
    return template(view)
  }
}
