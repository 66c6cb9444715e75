// As index.js, for the subpath `hitl`.
export * from '../../../dist/sdk/facade/hitl.js'
