// XPaths of product pages: what is found, and what is rather not found than wrong.

import { describe, expect, test } from 'vitest'
import { findXpaths } from '../../../pipelines/gmarket/xpaths.ts'

const wanted = { title: '감자 3kg', price: 13_000, goodsCode: '1234567890', image: 'https://img.example/a.jpg' }
const find = (body: string, change: Partial<typeof wanted> = {}) =>
  findXpaths(
    `<!doctype html><html><head><meta charset="utf-8"><title>감자 3kg</title></head><body>${body}</body></html>`,
    {
      ...wanted,
      ...change,
    },
  )

describe('an XPath of a product page', () => {
  test('leads to the innermost element, counted among those of its name', async () => {
    const page =
      '<div><p>a</p></div><div><b>x</b><p>y</p><p> 감자\n3kg </p><p><em>13,000</em>원</p></div><img src="//img.example/a.jpg">'
    expect(await find(page)).toEqual({
      title: '/html/body/div[2]/p[2]',
      price: '/html/body/div[2]/p[3]/em',
      image: '/html/body/img',
    })
  })

  test('begins at the nearest id that the page has once', async () => {
    const page =
      '<div id="item"><div id="twice"><h1>감자 3kg</h1></div><div id="twice"><i>13,000원</i></div><p id="pic"><img data-src="//x/1234567890/still/600"></p></div>'
    expect(await find(page)).toEqual({
      title: '//*[@id="item"]/div[1]/h1',
      price: '//*[@id="item"]/div[2]/i',
      image: '//*[@id="pic"]/img',
    })
  })

  test('prefers the heading to what names the goods before it', async () => {
    const { title } = await find('<nav><a>감자 3kg</a></nav><h1><span>감자 3kg</span></h1>')
    expect(title).toBe('/html/body/h1/span')
  })

  test('is absent where no element shows what the list says', async () => {
    const page =
      '<script>"감자 3kg"</script><p>감자 3kg 특가</p><del>23,000원</del><p>113,000원</p><img src="//x/12345678901/still"><img>'
    expect(await find(page)).toEqual({ title: null, price: null, image: null })
    expect(await find('')).toEqual({ title: null, price: null, image: null })
  })
})
