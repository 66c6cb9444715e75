// A field of a form as it was sent.

/** Empty when it was not sent, or not as text. */
export function formField(body: unknown, name: string): string {
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  return typeof value === 'string' ? value : ''
}

/** An empty field as nothing. */
export const emptyAsNull = (text: string): string | null => (text === '' ? null : text)
