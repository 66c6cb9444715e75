// Where a product page shows the title, the price and the image that the list says it has, as XPaths.
//
// Elements are found by what they show and not by class names: those change, and a path that leads to another price is worse
// than none.

import type { CheerioAPI } from 'cheerio'
import { oneLine, readWon } from './items.ts'

/** Loaded on first use: a DAG file that only names a category must stay cheap to parse. */
const loadCheerio = () => import('cheerio')

export interface Wanted {
  readonly title: string
  /** KRW. */
  readonly price: number
  readonly goodsCode: string
  readonly image: string
}

/** Null where no element shows it. */
export interface Xpaths {
  readonly title: string | null
  readonly price: string | null
  readonly image: string | null
}

const elementsOf = ($: CheerioAPI, selector: string) => $('body').find(selector).toArray()
type PageElement = ReturnType<typeof elementsOf>[number]

/** From the nearest ancestor whose id is the page's only one, as browsers write it, else from the root. */
function xpathOf($: CheerioAPI, element: PageElement): string {
  const steps: string[] = []
  for (const ancestor of [element, ...$(element).parents().toArray()]) {
    const id = $(ancestor).attr('id')
    if (id !== undefined && /^[^"\\\s]+$/.test(id) && $(`[id="${id}"]`).length === 1)
      return [`//*[@id="${id}"]`, ...steps].join('/')
    const isAlike = (_: number, other: { readonly name: string }) => other.name === ancestor.name
    const before = $(ancestor).prevAll().filter(isAlike).length
    const isAlone = before === 0 && $(ancestor).nextAll().filter(isAlike).length === 0
    steps.unshift(isAlone ? ancestor.name : `${ancestor.name}[${before + 1}]`)
  }
  return `/${steps.join('/')}`
}

/** The innermost of the first that fits: its parents show the same text. */
function firstShowing($: CheerioAPI, selector: string, fits: (text: string) => boolean): PageElement | undefined {
  const shows = (element: PageElement) => fits(oneLine($(element).text()))
  let found = elementsOf($, selector).find(shows)
  for (let inner = found; inner !== undefined; ) {
    found = inner
    inner = $(inner).children().toArray().find(shows)
  }
  return found
}

const IMAGE_SOURCES = ['src', 'data-src', 'data-original'] as const

function imageOf($: CheerioAPI, { goodsCode, image }: Wanted): PageElement | undefined {
  const isOfGoods = (address: string) =>
    address === image || `https:${address}` === image || address.split(/[/?#]/).includes(goodsCode)
  return elementsOf($, 'img').find((element) => IMAGE_SOURCES.some((name) => isOfGoods($(element).attr(name) ?? '')))
}

export async function findXpaths(html: string, wanted: Wanted): Promise<Xpaths> {
  const { load } = await loadCheerio()
  const $ = load(html)
  // Their text is nothing that a page shows.
  $('script, style, noscript, template').remove()
  const title = oneLine(wanted.title)
  const isTitle = (text: string) => text === title
  const found = {
    // The way to the goods (breadcrumbs) often names them before the heading does.
    title: firstShowing($, 'h1', isTitle) ?? firstShowing($, '*', isTitle),
    price: firstShowing($, '*', (text) => readWon(text) === wanted.price),
    image: imageOf($, wanted),
  }
  const pathOf = (element: PageElement | undefined) => (element === undefined ? null : xpathOf($, element))
  return { title: pathOf(found.title), price: pathOf(found.price), image: pathOf(found.image) }
}
