// What the log of a driver, or of spark-submit, tells of the application. Only Spark's own sentences count: an application may print
// the id of another one.

export interface Identity {
  /** `app-…`, `application_…` or `local-…`. */
  readonly applicationId: string | null
  /** `driver-…`: of a standalone cluster's driver. */
  readonly driverId: string | null
  /** Port of the driver's pages. */
  readonly uiPort: number | null
}

const APPLICATION = [
  /StandaloneSchedulerBackend: Connected to Spark cluster with app ID (app-\d+-\d+)/,
  /YarnClientImpl: Submitted application (application_\d+_\d+)/,
  /Client: (?:Application report for|Submitting application) (application_\d+_\d+)/,
] as const
const DRIVER = /ClientEndpoint: (?:Driver successfully submitted as|State of) (driver-\d+-\d+)/
const UI_PORT = /Utils: Successfully started service 'SparkUI' on port (\d+)/

export class DriverLog {
  #found: Identity = { applicationId: null, driverId: null, uiPort: null }

  get identity(): Identity {
    return this.#found
  }

  /** The first mention counts. */
  see(line: string): void {
    const { applicationId, driverId, uiPort } = this.#found
    const application =
      applicationId ?? APPLICATION.map((words) => words.exec(line)?.[1]).find((id) => id !== undefined)
    const driver = driverId ?? DRIVER.exec(line)?.[1]
    const port = UI_PORT.exec(line)?.[1]
    this.#found = {
      applicationId: application ?? null,
      driverId: driver ?? null,
      uiPort: uiPort ?? (port === undefined ? null : Number(port)),
    }
  }

  /** The driver's REST API knows it too, where the log is too quiet to tell. */
  name(applicationId: string): void {
    this.#found = { ...this.#found, applicationId: this.#found.applicationId ?? applicationId }
  }
}
