// Gmarket's best page as items: only `li.list-item` directly in the list, and only those that link to goods. Banners and
// "how about these" boxes stand between them and nest `.list-item` of their own.

import type { RawItem } from './items.ts'

/** Loaded on first use: a DAG file that only names a category must stay cheap to parse. */
const loadCheerio = () => import('cheerio')

export async function readBestPage(html: string): Promise<RawItem[]> {
  const { load } = await loadCheerio()
  const $ = load(html)
  return $('div.box__best-list > ul.list__best > li.list-item')
    .toArray()
    .flatMap((element) => {
      const item = $(element)
      const link = item.children('a.link[data-montelena-goodscode]')
      if (link.length === 0) return []
      const text = (selector: string) => link.find(selector).first().text().trim()
      return [
        {
          rank: text('.box__label-rank'),
          title: text('.box__item-title'),
          price: text('.box__price-seller .text__value'),
          listPrice: text('.box__price-original .text__value'),
          discount: text('.box__discount .text__value'),
          goodsCode: link.attr('data-montelena-goodscode') ?? '',
          url: link.attr('href') ?? '',
          image: link.find('.box__thumbnail img.image[src]').first().attr('src') ?? '',
        },
      ]
    })
}
