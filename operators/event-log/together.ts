// Work at the same time that ends together.

/**
 * As `Promise.all`, but when one fails the others are waited for: none works on after the try has failed.
 * @throws what the first of them has thrown
 */
export async function together<T extends readonly unknown[]>(work: readonly [...{ [K in keyof T]: Promise<T[K]> }]) {
  await Promise.allSettled(work)
  return Promise.all(work)
}
