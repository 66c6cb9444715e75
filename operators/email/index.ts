// `baram/operators/email`: mail.

export { type EmailOptions, email } from './email.ts'
export { EmailError } from './session.ts'
