// `baram/pipelines/alerts`: whom the example DAGs tell when they are late. Nobody, until you say whom.

import { webhook } from '../../operators/index.ts'
import { defineNotifier, type Notifier } from '../../sdk/index.ts'

/** Of type http, with host and schema of your receiver: see docs/alerts.md. */
const CONN_ID = 'alerts_default'

const toReceiver = webhook({ connId: CONN_ID })

/** Sends an alert to the webhook of the connection `alerts_default`; without it writes it to the scheduler's log. */
export const onCall: Notifier = defineNotifier({
  kind: 'webhook',
  async notify(op, alert) {
    if ((await op.client.getConnection(CONN_ID)) !== null) return toReceiver.notify(op, alert)
    op.log.warn({ dagId: alert.dagId, alert: alert.id }, `${alert.text} (add the connection ${CONN_ID} to be told)`)
  },
})
