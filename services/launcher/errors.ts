// What goes wrong with real servers: what to say, and which exit code it means.

/** `usage`: asked for something that is not there; `unavailable`: this machine lacks a program; `failed`: a server did not start or stop. */
export type ServiceProblem = 'usage' | 'unavailable' | 'failed'

export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly problem: ServiceProblem
  constructor(problem: ServiceProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
