// The table of all peers: a block a measure, a line a peer, Baram's median as the measure of the others.

import { median, sorted } from '../numbers.mjs'

const WIDTH = 160
const NAME = 32
const VALUE = 36
const RATIO = 16

const digits = (x) => (x >= 100 ? 0 : x >= 10 ? 1 : 2)
const shown = (x) => x.toLocaleString('en', { minimumFractionDigits: digits(x), maximumFractionDigits: digits(x) })

function valueText(values) {
  const range = values.length === 1 ? '' : ` [${shown(sorted(values)[0])}–${shown(sorted(values).at(-1))}]`
  return `${shown(median(values))}${range}`
}

/** How much better a peer is than Baram, e.g. `2.1 × better`. */
function ratioText(measure, value, ours) {
  if (ours === undefined || value === ours) return ''
  const gain = measure.isLower ? ours / value : value / ours
  return gain >= 1 ? `${shown(gain)} × better` : `${shown(1 / gain)} × worse`
}

/** A text in lines of at most `width`. */
function wrap(text, width) {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1) !== '' && lines.at(-1).length + word.length + 1 > width) lines.push('')
    lines[lines.length - 1] += `${lines.at(-1) === '' ? '' : ' '}${word}`
  }
  return lines
}

/** A line with a column on its right that continues below. */
function withRest(left, rest) {
  const [first, ...more] = wrap(rest, WIDTH - left.length)
  return [left + first, ...more.map((line) => ' '.repeat(left.length) + line)].map((line) => line.trimEnd())
}

function peerLines(measure, peer, found, ours) {
  const name = `  ${peer.title}`.padEnd(NAME)
  if (found === undefined || found.values.length === 0)
    return withRest(`${name}– `, found?.failed ?? peer.cannot?.[measure.id] ?? 'cannot be expressed')
  const value = valueText(found.values)
  const ratio = ratioText(measure, median(found.values), ours)
  const runs = found.values.length === 1 ? '' : `${found.values.length} runs`
  const note = [runs, peer.notes?.[measure.id]].filter(Boolean).join('; ')
  return withRest(`${name}${value.padEnd(VALUE)}${ratio.padEnd(RATIO)}`, note)
}

/**
 * @param peers all, also those that could not be measured (`failed` says why)
 * @param results by measure id: by peer
 */
export function tableLines(peers, measures, results) {
  return measures.flatMap((measure) => {
    const byPeer = results.get(measure.id) ?? new Map()
    const baram = peers.find((peer) => peer.title === 'Baram')
    const values = byPeer.get(baram)?.values ?? []
    const ours = values.length === 0 ? undefined : median(values)
    const asked = peers.filter((peer) => !measure.only || measure.only === peer.title)
    const lines = asked.flatMap((peer) => {
      const failed = peer.failed === undefined ? undefined : { values: [], failed: peer.failed }
      return peerLines(measure, peer, failed ?? byPeer.get(peer), ours)
    })
    return ['', measure.title, ...lines]
  })
}

/** What each is, and how it was set. */
export const aboutLines = (peers) =>
  peers.flatMap((peer) => withRest(`${peer.title}: `.padEnd(NAME - 2), peer.about ?? peer.failed ?? ''))
