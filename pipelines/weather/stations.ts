// Stations of the weather service that are collected: number and name, as the Korea Meteorological Administration has them.

export interface Station {
  /** `108` */
  readonly id: string
  readonly name: string
}

/** One a large growing region. Any other of the about 100 stations can be given as well. */
export const WEATHER_STATIONS = [
  { id: '108', name: '서울' },
  { id: '133', name: '대전' },
  { id: '143', name: '대구' },
  { id: '156', name: '광주' },
  { id: '159', name: '부산' },
] as const satisfies readonly Station[]
