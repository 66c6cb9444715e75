// The simulated exchange's 309 markets: as many as the recorded batches have (119 KRW, 174 BTC, 16 USDT). The well-known coins
// come first under their own names; the rest are called what they are.

import type { UpbitMarket } from './candle.ts'

const KNOWN: readonly (readonly [code: string, korean: string, english: string])[] = [
  ['BTC', '비트코인', 'Bitcoin'],
  ['ETH', '이더리움', 'Ethereum'],
  ['XRP', '리플', 'XRP'],
  ['SOL', '솔라나', 'Solana'],
  ['DOGE', '도지코인', 'Dogecoin'],
  ['ADA', '에이다', 'Cardano'],
  ['TRX', '트론', 'TRON'],
  ['DOT', '폴카닷', 'Polkadot'],
  ['LINK', '체인링크', 'Chainlink'],
  ['AVAX', '아발란체', 'Avalanche'],
  ['BCH', '비트코인캐시', 'Bitcoin Cash'],
  ['ETC', '이더리움클래식', 'Ethereum Classic'],
  ['NEAR', '니어프로토콜', 'NEAR Protocol'],
  ['ATOM', '코스모스', 'Cosmos'],
  ['XLM', '스텔라루멘', 'Lumen'],
  ['ALGO', '알고랜드', 'Algorand'],
  ['EOS', '이오스', 'EOS'],
  ['NEO', '네오', 'NEO'],
  ['QTUM', '퀀텀', 'Qtum'],
  ['XTZ', '테조스', 'Tezos'],
]

function coin(index: number): readonly [code: string, korean: string, english: string] {
  const number = String(index + 1).padStart(3, '0')
  return KNOWN[index] ?? [`SIM${number}`, `가상코인 ${number}`, `Simulated ${number}`]
}

function quoted(quote: string, count: number, from: number): readonly UpbitMarket[] {
  return Array.from({ length: count }, (_, i) => {
    const [code, korean_name, english_name] = coin(i + from)
    return { market: `${quote}-${code}`, korean_name, english_name }
  })
}

/** BTC markets start after Bitcoin itself: nothing is quoted in itself. */
export function simulatedMarkets(): readonly UpbitMarket[] {
  return [...quoted('KRW', 119, 0), ...quoted('BTC', 174, 1), ...quoted('USDT', 16, 0)]
}
