// Rates side by side in one run: contenders take turns, so that a busy machine slows all of them, and medians are compared.

/** Does its work once. @returns the seconds that count */
export type Contender = readonly [name: string, work: (round: number) => Promise<number>]

/** All of the time counts. */
export const timed = (work: (round: number) => Promise<unknown>) => async (round: number) => {
  const began = performance.now()
  await work(round)
  return (performance.now() - began) / 1_000
}

export interface Comparison {
  /** Of one call of a work. */
  readonly rows: number
  /** That count. Each contender has one more before them: servers and their JIT warm up. */
  readonly rounds: number
}

const medianOf = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** The first is the bare client. @returns by name, the rate as a part of the bare client's */
export async function compareRates(
  what: string,
  { rows, rounds }: Comparison,
  contenders: readonly Contender[],
): Promise<ReadonlyMap<string, number>> {
  const rates = new Map<string, number[]>(contenders.map(([name]) => [name, []]))
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, work] of contenders) {
      const seconds = await work(round)
      if (round > 0) rates.get(name)?.push(rows / seconds)
    }
  }
  const medians = [...rates].map(([name, list]) => [name, medianOf(list)] as const)
  const bare = medians[0]?.[1] ?? 0
  for (const [name, rate] of medians)
    console.log(`${what}: ${name} ${Math.round(rate)} rows/s, ${Math.round((100 * rate) / bare)} % of the bare client`)
  return new Map(medians.map(([name, rate]) => [name, rate / bare]))
}
