// Can a host be found from here, and does somebody listen? The two questions behind most of what does not work.

import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type Check, type Fix, failed, ok } from './check.ts'

const CONNECT_MS = 5_000

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** `host:port`, with `[…]` around an IPv6 address. @returns null for anything else */
export function endpointOf(text: string): Endpoint | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/]+)):(\d{1,5})$/.exec(text.trim()) ?? []
  const host = bracketed ?? plain
  return host === undefined || Number(port) > 65_535 ? null : { host, port: Number(port) }
}

const shown = ({ host, port }: Endpoint) => `${host}:${port}`

const unresolvable = (host: string): Fix => ({
  en: `Add a line "<address> ${host}" to /etc/hosts of this host, or have the server announce a name that is known here.`,
  ko: `이 호스트의 /etc/hosts에 "<주소> ${host}" 줄을 추가하거나, 서버가 여기서 찾을 수 있는 이름을 알리도록 설정하세요.`,
})

const refused = (where: string): Fix => ({
  en: `Start the server, or correct host and port in the connection: nothing listens at ${where}.`,
  ko: `서버를 시작하거나 연결의 호스트와 포트를 고치세요. ${where}에서 듣는 프로그램이 없습니다.`,
})

const silent = (where: string): Fix => ({
  en: `A firewall or a wrong address: ${where} answers nothing within ${CONNECT_MS / 1_000} s. Open the port between the hosts.`,
  ko: `방화벽 또는 잘못된 주소입니다. ${where}이(가) ${CONNECT_MS / 1_000}초 안에 응답하지 않습니다. 두 호스트 사이의 포트를 여세요.`,
})

/** Its addresses; null when the name is not known here. */
export async function addressesOf(host: string): Promise<readonly string[] | null> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch {
    return null
  }
}

export function resolvableCheck(name: string, host: string, addresses: readonly string[] | null): Check {
  if (addresses === null) return failed(name, `the name ${host} is not known on this host`, unresolvable(host))
  return ok(name, `${host} is ${addresses.join(', ')}`)
}

async function answers(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  const socket = connect({ ...endpoint, timeout: CONNECT_MS })
  const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)])
  try {
    await once(socket, 'connect', { signal: limit })
  } finally {
    // What comes after the answer is nobody's.
    socket.on('error', () => undefined)
    socket.destroy()
  }
}

/** Name, then port. */
export async function reachableCheck(name: string, endpoint: Endpoint, signal: AbortSignal): Promise<Check> {
  const addresses = await addressesOf(endpoint.host)
  if (addresses === null) return resolvableCheck(name, endpoint.host, addresses)
  const where = shown(endpoint)
  const startedAt = performance.now()
  try {
    await answers(endpoint, signal)
    return ok(name, `${where} answers in ${Math.max(1, Math.round(performance.now() - startedAt))} ms`)
  } catch (error) {
    signal.throwIfAborted()
    const code = (error as NodeJS.ErrnoException).code ?? 'no answer'
    return failed(
      name,
      `${where} cannot be reached (${code})`,
      code === 'ECONNREFUSED' ? refused(where) : silent(where),
    )
  }
}
