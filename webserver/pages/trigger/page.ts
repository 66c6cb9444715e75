// Triggering by hand: the run's configuration as a form and as JSON, its dates, and the command and call that do the same.

import type { Request } from 'express'
import type { JsonObject } from '../../../core/json.ts'
import { zoneName } from '../../../core/times.ts'
import type { Web } from '../../deps.ts'
import { Query } from '../../http/query.ts'
import { dagOf, loadBasics } from '../dag/head/basics.ts'
import { headView } from '../dag/head/view.ts'
import { dagCrumbs } from '../frame/links.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { readConf, type TriggerDraft, type TriggerFault } from './draft.ts'
import { type Faults, NO_FAULTS } from './faults.ts'
import { defaultsOf, paramFields } from './param-fields.ts'

const pretty = (conf: JsonObject): string => JSON.stringify(conf, null, 2)

/** What the configuration begins with: the DAG's defaults, and over them what the address brings. */
function firstConf(defaults: JsonObject, asked: string | undefined): string {
  const read = asked === undefined ? null : readConf(asked)
  if (read === null) return pretty(defaults)
  return 'fault' in read ? (asked ?? '') : pretty({ ...defaults, ...read.conf })
}

/** What is wrong, at its field. The JSON view tells the faults of params in one place, for it has no fields. */
function faultsView({ fields, params }: Faults, names: ReadonlySet<string>) {
  const at = (name: TriggerFault['field']) => fields.find(({ field }) => field === name)?.text ?? null
  return {
    fault: at('conf'),
    runIdFault: at('run_id'),
    noteFault: at('note'),
    logicalDateFault: at('logical_date'),
    intervalFault: at('interval'),
    paramFaults: params.map(({ name, text }) => ({ name, text, isLost: name === null || !names.has(name) })),
  }
}

/** The form as it was written. */
const draftView = (draft: TriggerDraft | null, conf: string) => ({
  conf,
  confRows: Math.min(24, Math.max(6, conf.split('\n').length + 1)),
  runId: draft?.run_id ?? '',
  note: draft?.note ?? '',
  logicalDate: draft?.logical_date ?? '',
  intervalStart: draft?.interval_start ?? '',
  intervalEnd: draft?.interval_end ?? '',
})

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The same in a terminal. The script of the page writes the rest of both anew as the configuration changes. */
function commandsView(dagId: string, conf: string, host: string) {
  const read = readConf(conf)
  const line = JSON.stringify('conf' in read ? read.conf : {})
  const url = `http://${host}/api/v2/dags/${encodeURIComponent(dagId)}/dagRuns`
  const curlStart = `curl -X POST ${url} -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d `
  const commandStart = `dagctl trigger ${dagId}`
  return {
    commandStart,
    command: `${commandStart}${line === '{}' ? '' : ` --conf ${quote(line)}`}`,
    curlStart,
    curl: `${curlStart}${quote(`{"conf": ${line}}`)}`,
  }
}

export async function triggerPage(
  web: Web,
  req: Request,
  draft: TriggerDraft | null,
  faults: Faults = NO_FAULTS,
): Promise<PageView> {
  const now = Date.now()
  const dagId = dagOf(req)
  const basics = await loadBasics(web, dagId)
  const { dag } = basics.graph
  const conf = draft?.conf ?? firstConf(defaultsOf(dag), new Query(req).text('conf'))
  const params = paramFields(dag, faults.params)
  return {
    section: 'dags',
    crumbs: dagCrumbs(dagId, { text: 'Trigger', href: '' }),
    sentence: say('Trigger {dag}', { dag: dagId }, 'dag'),
    scripts: ['trigger.js'],
    zone: zoneName(dag.timezone, now),
    view: {
      ...headView(basics, 'grid', null, now),
      ...draftView(draft, conf),
      ...faultsView(faults, new Set(params.map((param) => param.name))),
      ...commandsView(dagId, conf, req.headers.host ?? 'localhost'),
      hasParams: params.length > 0,
      params,
      zone: dag.timezone,
      zoneName: zoneName(dag.timezone, now),
    },
  }
}
