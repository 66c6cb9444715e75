import { describe, expect, it } from 'vitest'
import { element, text } from '../../webserver/pages/frame/element.ts'

describe('an element', () => {
  it('escapes the values of its attributes', () => {
    expect(element('a', { href: '/x?a="<b>&c' }, text('go'))).toBe('<a href="/x?a&#x3D;&quot;&lt;b&gt;&amp;c">go</a>')
  })

  it('escapes text, and takes markup of other elements as it is', () => {
    expect(element('g', {}, element('title', {}, text('<b>')), element('path', { d: 'M0 0' }))).toBe(
      '<g><title>&lt;b&gt;</title><path d="M0 0"/></g>',
    )
  })

  it('has no attribute for null, and one without a value for true', () => {
    expect(element('rect', { x: 0, y: null, hidden: true })).toBe('<rect x="0" hidden/>')
  })

  it('ends elements of HTML that are empty', () => {
    expect(element('a', {})).toBe('<a></a>')
  })
})
