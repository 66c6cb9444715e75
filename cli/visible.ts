// What texts of users (logs, errors, notes, values, ids) may do to a terminal: nothing. One place decides for all output.
//
// `print` and `tell` show each control character instead of sending it, so no command can forget to. Our own colours travel
// as marks that no text can contain, and become escape codes last.

import { randomText } from '../runtime/ids.ts'

/** Colours and styles of text (SGR): they say nothing, and logs of coloured tools are full of them. */
const STYLE = /\u001b\[[\d;:]*m/g
/** C0 without line feed and tab, DEL, C1, and the signs that reorder what is read (bidirectional overrides, isolates). */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u2028-\u202e\u2066-\u2069]/g

const hex = (char: string) => char.charCodeAt(0).toString(16).padStart(4, '0')

/** C0 and DEL as Unicode's pictures of them (`␛`), others by their code point, as `less` does. */
function picture(char: string): string {
  const code = char.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '\u2421' : `<U+${hex(char).toUpperCase()}>`
}

let isRaw = false

/** `--raw`: texts go out as they are. */
export function setRaw(value: boolean): void {
  isRaw = value
}

/** The text with what a terminal would act on shown; colours and the CR of a line end are left out. */
export const visible = (text: string): string =>
  isRaw ? text : text.replace(STYLE, '').replaceAll('\r\n', '\n').replace(UNSEEN, picture)

/** Also on one line: a cell of columns that programs split. */
export const visibleCell = (text: string): string => (isRaw ? text : visible(text).replace(/[\n\t]/g, picture))

/** JSON, or YAML whose texts are all in quotes: the same values, by their escapes (JSON itself escapes C0 alone). */
export const escapeUnseen = (quoted: string): string => quoted.replace(UNSEEN, (char) => `\\u${hex(char)}`)

export const hasUnseen = (text: string): boolean => text.search(UNSEEN) >= 0

/** Stands for ESC in what we have styled. Made anew for each process: no text that was written before can contain it. */
const MARK = `\uE000${randomText(16)}\uE000`

/** Keeps escape codes of a text that is ours: whatever came from elsewhere has been made visible before. */
export const keepStyle = (text: string): string => text.replaceAll('\u001b', MARK)

/** The text as it goes to the terminal. */
export const forTerminal = (text: string): string => visible(text).replaceAll(MARK, '\u001b')
