// The numbered migrations, in order. Names have no extension, so that the list is the same from .ts and from built .js.

import { m0001Metadata } from './0001-metadata.ts'
import { m0002Waits } from './0002-waits.ts'
import { m0003EffectsAndReports } from './0003-effects-and-reports.ts'
import { m0004RunControl } from './0004-run-control.ts'
import { m0005Hosts } from './0005-hosts.ts'
import { m0006LogEndings } from './0006-log-endings.ts'
import { m0007JsonText } from './0007-json-text.ts'
import { m0008FirstStart } from './0008-first-start.ts'
import { m0009SealedArguments } from './0009-sealed-arguments.ts'
import { m0010RunOrder } from './0010-run-order.ts'
import { m0011KeptVersions } from './0011-kept-versions.ts'
import { m0012TaskQueue } from './0012-task-queue.ts'
import { m0013CallbacksAndDeadlines } from './0013-callbacks-and-deadlines.ts'
import { m0014StreamEffects } from './0014-stream-effects.ts'
import { m0015Monitoring } from './0015-monitoring.ts'
import { m0016Retention } from './0016-retention.ts'
import { m0017Favourites } from './0017-favourites.ts'
import type { Migration } from './migration.ts'

/** Append-only: a landed migration is never edited. */
export const migrations: readonly Migration[] = [
  m0001Metadata,
  m0002Waits,
  m0003EffectsAndReports,
  m0004RunControl,
  m0005Hosts,
  m0006LogEndings,
  m0007JsonText,
  m0008FirstStart,
  m0009SealedArguments,
  m0010RunOrder,
  m0011KeptVersions,
  m0012TaskQueue,
  m0013CallbacksAndDeadlines,
  m0014StreamEffects,
  m0015Monitoring,
  m0016Retention,
  m0017Favourites,
]
