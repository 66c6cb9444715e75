// Reached through a link in a home's module folder; the product beside it does the work.
export * from '../../../dist/sdk/facade/index.js'
