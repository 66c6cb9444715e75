// `baram/operators/file`: files of this host.

export { type FileSensorOptions, fileSensor } from './file-sensor.ts'
