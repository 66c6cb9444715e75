// Colours of what we print: picocolors behind the marks of `visible.ts`.

import pc from 'picocolors'
import { keepStyle, visible } from './visible.ts'

type Style = (text: string) => string

const marked =
  (style: Style): Style =>
  (text) =>
    keepStyle(style(visible(text)))

export const style = {
  bold: marked(pc.bold),
  cyan: marked(pc.cyan),
  dim: marked(pc.dim),
  green: marked(pc.green),
  red: marked(pc.red),
  yellow: marked(pc.yellow),
} as const
