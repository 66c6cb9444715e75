// The types behind the door; see hitl.js.
export * from '../../../dist/sdk/facade/hitl.js'
