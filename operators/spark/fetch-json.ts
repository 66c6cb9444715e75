// Short questions to Spark's and YARN's pages: bounded in time, and every shape of an answer may come.

const ANSWER_MS = 2_000

export type Json = Readonly<Record<string, unknown>>

/** Objects of a list; anything else is none. */
export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter((item): item is Json => typeof item === 'object' && item !== null) : []
}

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

export const countOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)

/** @throws Error when there is no answer, or one that is not 2xx or 3xx */
export async function ask(url: string, options: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, { redirect: 'manual', ...options, signal: AbortSignal.timeout(ANSWER_MS) })
  if (answer.status < 400) return answer
  await answer.body?.cancel()
  throw new Error(`${new URL(url).origin} answered ${answer.status}`)
}

/** @throws Error when the answer is no JSON either */
export const askJson = async (url: string): Promise<unknown> => (await ask(url)).json()

/** Of several servers, the first that gives what is wanted. @throws AggregateError when none does */
export async function firstOf<T>(urls: readonly string[], question: (url: string) => Promise<T>): Promise<T> {
  const errors: unknown[] = []
  for (const url of urls) {
    try {
      return await question(url)
    } catch (error) {
      errors.push(error)
    }
  }
  throw new AggregateError(
    errors,
    errors.map((error) => (error instanceof Error ? error.message : String(error))).join('; '),
  )
}
