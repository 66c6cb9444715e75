// Templates are written an element a line; what is served has none of these line breaks. Between elements a break and its
// indentation mean nothing; before an attribute they are the space it needs; a space that shows is written as `&#32;` where
// a line ends.

const BREAK = /\n\s*/y
const ATTRIBUTE = /^[a-z]/i
const TAG = /^<[!/]?[a-z]/i

/** The end of what stands at `at` and is copied as it is: a mustache whole, else one letter. */
const endOf = (text, at) => (text.startsWith('{{', at) ? text.indexOf('}}', at) + 2 : at + 1)

/** Whether the place behind a letter is within a tag, and within which quotes. */
function step(place, text, at) {
  const letter = text[at]
  if (!place.isTag) return { isTag: letter === '<' && TAG.test(text.slice(at, at + 3)), quote: null }
  if (place.quote !== null) return { isTag: true, quote: letter === place.quote ? null : place.quote }
  return { isTag: letter !== '>', quote: letter === '"' || letter === "'" ? letter : null }
}

/** @param {string} source a template as a person writes it */
export function minifyTemplate(source) {
  const text = source.trimEnd().replace(/&#32;(?=\n|$)/g, ' ')
  let place = { isTag: false, quote: null }
  let made = ''
  for (let at = 0; at < text.length; ) {
    BREAK.lastIndex = at
    const found = BREAK.exec(text)
    if (found !== null) {
      at = BREAK.lastIndex
      if (place.isTag && place.quote === null && ATTRIBUTE.test(text.slice(at, at + 1))) made += ' '
      continue
    }
    const end = endOf(text, at)
    if (end === at + 1) place = step(place, text, at)
    made += text.slice(at, end)
    at = end
  }
  return made
}
