// The same answers in XML: the gateway's always, a service's when it knows no JSON.

import { load } from 'cheerio'
import type { OpenDataAnswer, OpenDataItem } from './answer.ts'
import { codeOf, countOf } from './codes.ts'

export function readXml(text: string): OpenDataAnswer | null {
  const $ = load(text, { xml: true })
  const textOf = (name: string): string => $(name).first().text().trim()
  const gateway = codeOf(textOf('cmmMsgHeader > returnReasonCode'))
  if (gateway !== null) {
    const message = textOf('cmmMsgHeader > returnAuthMsg') || textOf('cmmMsgHeader > errMsg')
    return { code: gateway, message, items: [], totalCount: null }
  }
  const code = codeOf(textOf('header > resultCode'))
  if (code === null) return null
  const items = $('body > items > item')
    .toArray()
    .map(
      (item): OpenDataItem =>
        Object.fromEntries(
          $(item)
            .children()
            .toArray()
            .map((cell) => [cell.tagName, $(cell).text().trim()]),
        ),
    )
  return { code, message: textOf('header > resultMsg'), items, totalCount: countOf(textOf('body > totalCount')) }
}
