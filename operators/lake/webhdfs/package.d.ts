// The part of the npm package webhdfs 1.2.0 that we call. It has no types of its own.

declare module 'webhdfs' {
  import type { EventEmitter } from 'node:events'
  import type { Writable } from 'node:stream'

  /** A request of the package `request`: it emits response, data, end, complete(response, body), error. */
  export interface PackageRequest extends EventEmitter {
    abort(): void
    pause(): void
    resume(): void
  }

  type Done = (error: Error | null) => void

  /** Paths are put into the address as they are: encode them first. */
  export interface WebHdfsPackage {
    stat(path: string, done: Done): PackageRequest
    readdir(path: string, done: Done): PackageRequest
    mkdir(path: string, mode: string, done: Done): PackageRequest
    unlink(path: string, recursive: boolean, done: Done): PackageRequest
    createReadStream(path: string): PackageRequest
    createWriteStream(
      path: string,
      append: false,
      options: Readonly<Record<string, string | boolean>>,
    ): PackageRequest & Writable
  }

  interface WebHdfsModule {
    createClient(
      options: Readonly<Record<string, string | number>>,
      requestParams: Readonly<Record<string, unknown>>,
    ): WebHdfsPackage
  }
  const webhdfs: WebHdfsModule
  export default webhdfs
}
