// `baram/operators/external-task`: waiting for other DAGs.

export { ExternalTaskFailedError, type ExternalTaskSensorOptions, externalTaskSensor } from './external-task-sensor.ts'
