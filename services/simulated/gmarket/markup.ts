// A best page in the markup that the recorded pages of 2025 have, with their two traps: a banner among the items, and a box
// of related goods whose items are nested. Written by us; only the class names are the shop's. Product pages are wholly our own.

import type { Good } from './goods.ts'

type Product = Omit<Good, 'rank'>

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const won = (amount: number): string => amount.toLocaleString('en')

function priceMarkup({ price, listPrice, discount }: Good): string {
  const original =
    listPrice === null
      ? ''
      : '<div class="box__price"><span class="text__price-title">쿠폰적용가</span><div class="box__price-original"><span ' +
        `class="for-a11y">원가</span><span class="text text__value">${won(listPrice)}</span><span class="text ` +
        'text__unit">원</span></div></div>'
  const off =
    discount === null
      ? ''
      : `<div class="box__discount"><span class="for-a11y">할인율</span><span class="text text__value">${discount}%</span></div>`
  return (
    `<div class="box__item-price">${original}<div class="box__price">${off}<div class="box__price-seller"><span ` +
    `class="for-a11y">판매가</span><span class="text text__value">${won(price)}</span><span class="text ` +
    'text__unit">원</span></div></div></div>'
  )
}

function itemMarkup(good: Good, origin: string): string {
  const title = escapeHtml(good.title)
  const { goodsCode, rank } = good
  const link = `class="link" data-montelena-goodscode="${goodsCode}" data-montelena-goodsname="${title}"`
  const image = `<img alt="${rank}위" class="image" src="//gdimg.gmarket.invalid/${goodsCode}/still/300"/>`
  const thumbnail = `<div class="box__thumbnail">${image}<span class="box__label-rank">`
  return `<li class="list-item"><a ${link} href="${origin}/Item?goodscode=${goodsCode}">${thumbnail}
 ${rank}
</span></div><div class="box__item-info"><p class="box__item-title">
 ${title}
</p>${priceMarkup(good)}<div class="box__delivery-info"><span class="text">무료배송</span></div></div></a></li>`
}

function headMarkup(title: string, note: string): string {
  const meta = `<meta name="generator" content="Baram, ${escapeHtml(note)}"/>`
  return `<!doctype html><html lang="ko"><head><meta charset="utf-8"/><title>${title} (Baram, simulated)</title>${meta}</head>`
}

const BANNER =
  '<li class="list-item list-item--banner"><a class="link__banner--ad" href="#"><img alt="모의 광고" class="image"/></a></li>'
const RELATION =
  '<li class="list-item list-item--relation"><div class="box__best-relation"><span ' +
  'class="text__ad-tag">광고</span><div class="swiper-slide list-item"><a class="link" ' +
  'data-montelena-goodscode="9999999999" href="#"><div class="box__item-info"><p class="box__item-title">연관 ' +
  '상품(모의 광고)</p><div class="box__price-seller"><span class="text ' +
  'text__value">1,000</span></div></div></a></div></div></li>'

export function bestPage(goods: readonly Good[], note: string, origin: string): string {
  const items = goods.map((good) => itemMarkup(good, origin))
  const list = [...items.slice(0, 50), BANNER, ...items.slice(50, 70), RELATION, ...items.slice(70)]
  const tools = '<li class="list-item list-item--mypage"><a class="link" href="#">나의 쇼핑정보</a></li>'
  return `${headMarkup('모의 베스트', note)}
<body><p>${escapeHtml(note)}: 모의 데이터이며 실제 상품이 아닙니다.</p><ul class="list__mytools">${tools}</ul>
<div class="box__best-list"><ul class="list__best">
${list.join('\n')}
</ul></div></body></html>
`
}

/** A product page, with traps of its own: the way to the goods names them before the heading does, and the list price comes first. */
export function productPage({ goodsCode, title, price, listPrice }: Product, note: string): string {
  const name = escapeHtml(title)
  const before = listPrice === null ? '' : `<p class="before">정가 <del>${won(listPrice)}원</del></p>`
  return `${headMarkup(name, note)}
<body><p>${escapeHtml(note)}: 모의(generated) 상품이며 실제 상품이 아닙니다.</p>
<nav><a href="#">홈</a><a href="#">${name}</a></nav>
<script>var goods = "${goodsCode}"</script>
<main id="product"><div><img alt="모의 광고" src="//gdimg.gmarket.invalid/banner.png"/></div>
<div><img alt="${name}" src="//gdimg.gmarket.invalid/${goodsCode}/still/600"/></div>
<div><h1>
 ${name}
</h1>${before}<p>판매가 <strong><span>${won(price)}</span>원</strong></p></div></main></body></html>
`
}
