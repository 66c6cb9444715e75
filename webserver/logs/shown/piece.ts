// Markup as values: made once, written as HTML by the server and as elements by the browser. Text stays text in both.

export interface Tag {
  readonly tag: 'a' | 'b' | 'details' | 'div' | 'span' | 'summary' | 'time'
  /** `true` is an attribute without a value; `null` none. */
  readonly attrs: Readonly<Record<string, string | true | null>>
  readonly children: readonly Piece[]
}

export type Piece = string | Tag

export const tag = (name: Tag['tag'], attrs: Tag['attrs'] | string, ...children: readonly Piece[]): Tag => ({
  tag: name,
  attrs: typeof attrs === 'string' ? { class: attrs } : attrs,
  children,
})
