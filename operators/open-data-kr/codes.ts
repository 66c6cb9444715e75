// Result codes and counts as the portal writes them, in JSON and in XML.

/** Services write 0, `00` and `0000`. Anything but digits is no code. */
export const codeOf = (text: string): string | null =>
  /^\d{1,6}$/.test(text) ? String(Number(text)).padStart(2, '0') : null

export const countOf = (text: string): number | null => (/^\d{1,15}$/.test(text) ? Number(text) : null)
