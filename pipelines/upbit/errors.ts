// How a call to Upbit can go wrong, each with what to do, in Korean where Upbit's users will read it.

/** Upbit refused the request. A repetition would be refused too. */
export class UpbitRequestError extends Error {
  override readonly name = 'UpbitRequestError'
  readonly status: number
  /** An integer for quotation calls, a word elsewhere. */
  readonly errorName: string | number | null
  constructor(path: string, status: number, errorName: string | number | null, message: string) {
    super(`Upbit answered ${status} to ${path}: ${message}`)
    this.status = status
    this.errorName = errorName
  }
}

/** 418: this address is blocked for a while. Going on makes it longer, so nothing retries. */
export class UpbitBlockedError extends Error {
  override readonly name = 'UpbitBlockedError'
  readonly status = 418
  constructor(path: string, message: string) {
    super(
      `Upbit has blocked this address (418 to ${path}: ${message}). ` +
        '요청 한도를 계속 넘겨 일시적으로 차단되었습니다. 다른 수집기를 멈추고 안내된 시간이 지난 뒤 다시 실행하세요. ' +
        'The request limit was exceeded again and again: stop other collectors of this address and clear the task once the time told has passed.',
    )
  }
}

/** 429 to every repetition: someone else uses up this address's budget. */
export class UpbitRateLimitedError extends Error {
  override readonly name = 'UpbitRateLimitedError'
  readonly status = 429
  constructor(path: string, attempts: number) {
    super(
      `Upbit answered 429 to ${path} ${attempts} times in a row. 이 주소의 초당 요청 한도가 다른 프로그램에 쓰이고 있습니다. ` +
        'Another program of this address uses up the limit: lower requests_per_second in the extra of the connection.',
    )
  }
}

/** The server failed or was not reached, also after some retries. A later try may succeed. */
export class UpbitUnavailableError extends Error {
  override readonly name = 'UpbitUnavailableError'
  readonly status: number | null
  constructor(path: string, status: number | null, message: string, options?: ErrorOptions) {
    super(`Upbit ${status === null ? 'was not reached' : `answered ${status}`} at ${path}: ${message}`, options)
    this.status = status
  }
}

/** The answer is no candle data, whatever its status says: nothing of it is stored. */
export class UpbitShapeError extends Error {
  override readonly name = 'UpbitShapeError'
}
