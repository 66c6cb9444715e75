// Numbers in sentences.

/** `1,234` */
export const withSeparators = (n: number): string => n.toLocaleString('en-US')

/** `1 run`, `3 runs`, `1,234 runs`. */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${withSeparators(n)} ${n === 1 ? one : many}`
