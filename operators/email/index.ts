// `baram/operators/email`: mail.

export { type EmailAlertOptions, emailAlert } from './alert.ts'
export { type EmailOptions, email } from './email.ts'
export { EmailError } from './session.ts'
