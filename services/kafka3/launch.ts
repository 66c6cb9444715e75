// A real Kafka of three brokers: any one may die.

import { startBrokers } from '../kafka/brokers.ts'
import type { Launcher } from '../launcher/server.ts'

export const kafka3: Launcher = { launch: (launch) => startBrokers(launch, 3) }
