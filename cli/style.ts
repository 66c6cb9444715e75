// Colours of what we print: picocolors by the marks of `visible.ts`.

import pc from 'picocolors'
import { keepStyle, visible } from './visible.ts'

type Style = (text: string) => string

// picocolors also colours what is piped where CI or FORCE_COLOR is set: a program that reads our columns would find codes in them.
const colors = pc.createColors(process.stdout.isTTY === true && pc.isColorSupported)

const marked =
  (style: Style): Style =>
  (text) =>
    keepStyle(style(visible(text)))

export const style = {
  bold: marked(colors.bold),
  cyan: marked(colors.cyan),
  dim: marked(colors.dim),
  green: marked(colors.green),
  red: marked(colors.red),
  yellow: marked(colors.yellow),
} as const
