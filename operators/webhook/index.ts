// `baram/operators/webhook`: alerts to a web address.

export { alertBody, type WebhookOptions, webhook } from './webhook.ts'
