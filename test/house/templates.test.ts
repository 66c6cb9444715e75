// Templates as they are written, and as they are served.

import { describe, expect, it } from 'vitest'
import { minifyTemplate } from '../../scripts/minify-template.mjs'

describe('a template', () => {
  it('loses the line breaks between its elements, with their indentation', () => {
    expect(minifyTemplate('<ul>\n  {{#each rows}}\n    <li>{{name}}</li>\n  {{/each}}\n</ul>\n')).toBe(
      '<ul>{{#each rows}}<li>{{name}}</li>{{/each}}</ul>',
    )
  })

  it('keeps the spaces within a line', () => {
    expect(minifyTemplate('<p>\n  {{t "by"}} <b>{{who}}</b>, {{when}}\n</p>')).toBe(
      '<p>{{t "by"}} <b>{{who}}</b>, {{when}}</p>',
    )
  })

  it('keeps a space at the end of a line that is written as &#32;', () => {
    expect(minifyTemplate('<b>{{n}}</b>&#32;\n<i>{{name}}</i>&#32;')).toBe('<b>{{n}}</b> <i>{{name}}</i> ')
  })

  it('separates the attributes of a tag that stand on lines of their own', () => {
    expect(minifyTemplate('<input\n  id="a"\n  {{#if isOn}} checked{{/if}}\n  required\n>')).toBe(
      '<input id="a"{{#if isOn}} checked{{/if}} required>',
    )
  })

  it('takes no letter of a value or a mustache for the end of a tag', () => {
    expect(
      minifyTemplate('<a\n  title="a > b"\n  {{#if (gt a ">")}} hidden{{/if}}\n  href="{{x}}"\n>\n  {{y}}\n</a>'),
    ).toBe('<a title="a > b"{{#if (gt a ">")}} hidden{{/if}} href="{{x}}">{{y}}</a>')
  })
})
