// Marks what was found in the loaded rows. Only text nodes are split: a hit may reach over pieces of several colours.

import { foldCase, hitsIn } from '../../../../logs/shown/find-text.ts'

/** The parts of a row that are one text each. */
const TEXTS = ':scope > span, .tr'

function unmark(row: Element): void {
  const parents = new Set<Node>()
  for (const mark of row.querySelectorAll('mark')) {
    if (mark.parentNode !== null) parents.add(mark.parentNode)
    mark.replaceWith(...mark.childNodes)
  }
  for (const parent of parents) parent.normalize()
}

/** The log's own text; what the page adds to it is not searched. */
function textNodes(root: Element): Text[] {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  const found: Text[] = []
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode())
    if (node instanceof Text && node.parentElement?.closest('.glen, .cut') === null) found.push(node)
  return found
}

function wrap(node: Text, from: number, to: number): void {
  const hit = node.splitText(from)
  hit.splitText(to - from)
  const mark = document.createElement('mark')
  hit.replaceWith(mark)
  mark.append(hit)
}

function markText(root: Element, needle: string): void {
  const nodes = textNodes(root)
  const text = nodes.map(({ data }) => data).join('')
  const hits = hitsIn(text, needle)
  let end = text.length
  // From behind: what is split off does not move what is still to come.
  for (const node of nodes.toReversed()) {
    const start = end - node.length
    for (const hit of hits.toReversed()) {
      const from = Math.max(hit, start)
      const to = Math.min(hit + needle.length, end)
      if (from < to) wrap(node, from - start, to - start)
    }
    end = start
  }
}

/** @param find '' takes the marks away */
export function markRows(rows: readonly HTMLElement[], find: string): void {
  const needle = foldCase(find)
  for (const row of rows) {
    unmark(row)
    if (needle !== '') for (const text of row.querySelectorAll(TEXTS)) markText(text, needle)
  }
}
