// Requests of a browser or a client, as Baram and Airflow both answer them.

import { median } from '../numbers.mjs'

/** Requests of one measured run. */
const REQUESTS = 20

/** @throws Error for a status that is no success, with what the server said */
async function fetchWhole(url, options = {}) {
  const response = await fetch(url, options)
  const text = await response.text()
  if (!response.ok)
    throw new Error(`${options.method ?? 'GET'} ${new URL(url).pathname}: ${response.status} ${text.slice(0, 200)}`)
  return text
}

/** With a token of a server on which everybody is an admin. */
export async function openClient(base) {
  const { access_token: token } = JSON.parse(await fetchWhole(`${base}/auth/token`))
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    text: (path) => fetchWhole(base + path, { headers }),
    get: async (path) => JSON.parse(await fetchWhole(base + path, { headers })),
    post: async (path, body) =>
      JSON.parse(await fetchWhole(base + path, { method: 'POST', headers, body: JSON.stringify(body) })),
  }
}

/** Median of `work` done one after another, ms. */
export async function latency(work) {
  const times = []
  for (let i = 0; i < REQUESTS; i++) {
    const began = performance.now()
    await work()
    times.push(performance.now() - began)
  }
  return median(times)
}

/**
 * What both have at the same addresses.
 * @param notes of the peer: gets how many runs the answers come from
 */
export const apiMeasures = (client, notes) => ({
  dagsApi: () => latency(() => client.text('/api/v2/dags')),
  async runsApi() {
    const { total_entries: total } = await client.get('/api/v2/dags/~/dagRuns?limit=1')
    notes.runsApi = `${total} runs of history`
    return latency(() => client.text('/api/v2/dags/~/dagRuns?limit=100'))
  },
})
