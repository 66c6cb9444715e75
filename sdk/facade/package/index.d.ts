// The types behind the door; see index.js.
export * from '../../../dist/sdk/facade/index.js'
