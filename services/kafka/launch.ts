// A real Kafka of one broker.

import type { Launcher } from '../launcher/server.ts'
import { startBrokers } from './brokers.ts'

export const kafka: Launcher = { launch: (launch) => startBrokers(launch, 1) }
