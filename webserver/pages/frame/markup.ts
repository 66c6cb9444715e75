// Markup of our own: what is made here from constants and escaped values goes out as it is; everything else is escaped.

import { createRequire } from 'node:module'
import type HandlebarsModule from 'handlebars'

// Only the run-time part: it cannot compile. Its own typings name nothing, the whole package's describe it.
export const Handlebars = createRequire(import.meta.url)('handlebars/runtime') as typeof HandlebarsModule

export const escapeHtml = (text: string): string => Handlebars.escapeExpression(text)
/** Marks markup that was made from constants and escaped values. */
export const markup = (html: string) => new Handlebars.SafeString(html)
