// The parts of prom-client that are used here. Its entry also loads collectors of Node's own metrics, and OpenTelemetry's API with
// them: 10 MB and some 50 ms of each process. The version is pinned.

import { createRequire } from 'node:module'
import type * as PromClient from 'prom-client'

type Client = typeof PromClient
const require = createRequire(import.meta.url)

export const Counter = require('prom-client/lib/counter') as Client['Counter']
export const Gauge = require('prom-client/lib/gauge') as Client['Gauge']
export const Histogram = require('prom-client/lib/histogram') as Client['Histogram']
export const Registry = require('prom-client/lib/registry') as Client['Registry']
export const AggregatorRegistry = require('prom-client/lib/cluster') as Client['AggregatorRegistry']
