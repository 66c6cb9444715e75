// JSON in which no integer is rounded. A JavaScript number holds every integer up to 2^53 - 1 and silently rounds what is
// beyond: ids, amounts in satoshi, snowflakes. Node 20 hands a reviver no source text, so the text is looked through.

/** A number literal of JSON. What follows its digits decides whether it is an integer. */
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/g
/** The shortest integer beyond 2^53 - 1 has 16 digits: most texts have none and are done. */
const LONG = /\d{16}/

/** One position after the string that opens at `open`. */
function endOfString(text: string, open: number): number {
  for (let close = text.indexOf('"', open + 1); close >= 0; close = text.indexOf('"', close + 1)) {
    let first = close
    while (text[first - 1] === '\\') first--
    if ((close - first) % 2 === 0) return close + 1
  }
  return text.length
}

const exact = (literal: string, fraction: string | undefined, exponent: string | undefined): string =>
  fraction === undefined && exponent === undefined && !Number.isSafeInteger(Number(literal)) ? `"${literal}"` : literal

/** Valid JSON with its unsafe integers as strings. */
function quoteUnsafeIntegers(text: string): string {
  const parts: string[] = []
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf('"', at)
    const end = open < 0 ? text.length : open
    parts.push(text.slice(at, end).replace(NUMBER, exact))
    at = open < 0 ? end : endOfString(text, open)
    parts.push(text.slice(end, at))
  }
  return parts.join('')
}

/**
 * `JSON.parse` that turns an integer outside ±(2^53 - 1) into its digits as text: `{"id": 9007199254740993}` is
 * `{ id: '9007199254740993' }`. By range and not by value, so that neighbouring ids have one type.
 * @throws SyntaxError as `JSON.parse`, with positions of this text
 */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  return LONG.test(text) ? JSON.parse(quoteUnsafeIntegers(text)) : value
}
