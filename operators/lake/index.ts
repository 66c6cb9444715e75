// `baram/operators/lake`: files of a pipeline, on a folder now and on HDFS later.

export { DirectoryLake } from './directory.ts'
export { type HdfsUploadOptions, hdfsUpload, type LakeFile, UploadDamagedError, uploadToLake } from './hdfs-upload.ts'
export type { Lake, LakeChecksum, LakeEntry, LakeOptions } from './lake.ts'
export { embeddedLakeRoot, openLake } from './open.ts'
export { LakePathError, lakePath } from './paths.ts'
export { WebHdfsAnswerError, WebHdfsError, WebHdfsTimedOutError, WebHdfsUnreachableError } from './webhdfs/errors.ts'
