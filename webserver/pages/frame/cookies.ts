// Cookies that pages set.

export function cookie(name: string, value: string, seconds: number, isHttpOnly = true): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${isHttpOnly ? '; HttpOnly' : ''}`
}
