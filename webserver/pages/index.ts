// The pages' routes, and their errors in the frame.

import { Router } from 'express'
import type { Role } from '../../engine/admin/accounts.ts'
import { whoIs } from '../auth/guard.ts'
import type { SignInLimit } from '../auth/rate-limit.ts'
import type { Web } from '../deps.ts'
import { connectionForm, newConnection, postConnection, postConnectionDelete } from './connections/form.ts'
import { connectionsPage } from './connections/page.ts'
import { backfillPage, postBackfill, postBackfillVerb } from './control/backfill/page.ts'
import { clearPage, postClear } from './control/clear/page.ts'
import { deletePage, postDelete } from './control/delete/page.ts'
import { markPage, postMark } from './control/mark/page.ts'
import { notePage, postNote } from './control/note/page.ts'
import { codePage } from './dag/code/page.ts'
import { effectsPage } from './dag/data/page.ts'
import { graphPage } from './dag/graph/page.ts'
import { gridPage } from './dag/grid/page.ts'
import { postPause } from './dag/pause.ts'
import { reportsPage } from './dag/reports/page.ts'
import { reportPage } from './dag/reports/report.ts'
import { runsPage } from './dag/runs/page.ts'
import { dagsPage } from './dags/page.ts'
import { Pages } from './frame/frame.ts'
import type { PageHandler } from './frame/page-view.ts'
import { makeRenderer } from './frame/renderer.ts'
import { postTheme } from './frame/theme.ts'
import { homePage } from './home/page.ts'
import { importErrorPage } from './import-errors/error.ts'
import { importErrorsPage } from './import-errors/page.ts'
import { monitoringPage } from './monitoring/page.ts'
import { sendFound } from './palette/route.ts'
import { runPage } from './run/page.ts'
import { signInRoutes } from './sign-in/page.ts'
import { passwordRoutes } from './sign-in/password.ts'
import { taskPage } from './task/page.ts'
import type { TaskTab } from './task/tabs.ts'
import { triggerPage } from './trigger/page.ts'
import { postTrigger } from './trigger/post.ts'
import { postVariable, postVariableDelete, variableForm } from './variables/form.ts'
import { variablesPage } from './variables/page.ts'

/** Pages that are shown, and forms that are taken. */
class PageRoutes {
  readonly router = Router()
  readonly pages: Pages

  constructor(pages: Pages) {
    this.pages = pages
  }

  show(path: string, role: Role, template: string, handle: PageHandler): void {
    this.router.get(path, this.pages.needs(role), async (req, res) => {
      const page = await handle(req, res)
      if (page !== null) await this.pages.page(req, res, whoIs(req), page, template)
    })
  }

  /** A form: done = redirected; otherwise it is shown again with its faults. */
  take(path: string, role: Role, template: string, handle: PageHandler): void {
    this.router.post(path, this.pages.needs(role), async (req, res) => {
      const page = await handle(req, res)
      if (page !== null) await this.pages.page(req, res, whoIs(req), page, template, 422)
    })
  }
}

function dagRoutes(web: Web, routes: PageRoutes): void {
  routes.show('/dags', 'viewer', 'dags/page', (req) => dagsPage(web, req))
  routes.show('/runs', 'viewer', 'dag/runs/page', (req) => runsPage(web, req, null))
  routes.show('/dags/:dag_id', 'viewer', 'dag/grid/page', (req) => gridPage(web, req))
  routes.show('/dags/:dag_id/graph', 'viewer', 'dag/graph/page', (req) => graphPage(web, req))
  routes.show('/dags/:dag_id/runs', 'viewer', 'dag/runs/page', (req) =>
    runsPage(web, req, String(req.params['dag_id'] ?? '')),
  )
  routes.show('/dags/:dag_id/data', 'viewer', 'dag/data/page', (req) => effectsPage(web, req))
  routes.show('/dags/:dag_id/reports', 'viewer', 'dag/reports/page', (req) => reportsPage(web, req))
  routes.show('/dags/:dag_id/reports/:name', 'viewer', 'dag/reports/report', (req) => reportPage(web, req))
  routes.show('/dags/:dag_id/code', 'viewer', 'dag/code/page', (req) => codePage(web, req))
  routes.take('/ui/dags/:dag_id/pause', 'user', 'dags/page', (req, res) => postPause(web, req, res))
}

/** What people do to runs and tasks. */
function controlRoutes(web: Web, routes: PageRoutes): void {
  routes.show('/dags/:dag_id/trigger', 'user', 'trigger/page', (req) => triggerPage(web, req, null))
  routes.take('/dags/:dag_id/trigger', 'user', 'trigger/page', (req, res) => postTrigger(web, req, res))
  routes.show('/dags/:dag_id/clear', 'user', 'control/page', (req) => clearPage(web, req))
  routes.take('/dags/:dag_id/clear', 'user', 'control/page', (req, res) => postClear(web, req, res))
  routes.show('/dags/:dag_id/mark', 'user', 'control/page', (req) => markPage(web, req))
  routes.take('/dags/:dag_id/mark', 'user', 'control/page', (req, res) => postMark(web, req, res))
  routes.show('/dags/:dag_id/note', 'user', 'control/note/page', (req) => notePage(web, req))
  routes.take('/dags/:dag_id/note', 'user', 'control/note/page', (req, res) => postNote(web, req, res))
  routes.show('/dags/:dag_id/delete', 'user', 'control/page', (req) => deletePage(web, req))
  routes.take('/dags/:dag_id/delete', 'user', 'control/page', (req, res) => postDelete(web, req, res))
  routes.show('/dags/:dag_id/backfills', 'viewer', 'control/backfill/page', (req) => backfillPage(web, req))
  routes.take('/dags/:dag_id/backfills', 'user', 'control/backfill/page', (req, res) => postBackfill(web, req, res))
  routes.take('/dags/:dag_id/backfills/:backfill_id/:verb', 'user', 'control/backfill/page', (req, res) =>
    postBackfillVerb(web, req, res),
  )
}

function taskRoutes(web: Web, routes: PageRoutes): void {
  const { router, pages } = routes
  routes.show('/dags/:dag_id/runs/:run_id', 'viewer', 'run/page', (req) => runPage(web, req))
  const task = (rest: string, tab: TaskTab) =>
    router.get(`/dags/:dag_id/runs/:run_id/tasks/:task_id${rest}`, pages.needs('viewer'), async (req, res) => {
      const page = await taskPage(web, req, tab)
      await pages.page(req, res, whoIs(req), page, page.template)
    })
  task('', 'log')
  task('/rendered', 'rendered')
  task('/xcom', 'xcom')
  task('/tries', 'tries')
  task('/events', 'events')
}

/** Variables and connections. */
function settingRoutes(web: Web, routes: PageRoutes): void {
  routes.show('/variables', 'op', 'variables/page', (req) => variablesPage(web, req))
  routes.show('/variables/new', 'op', 'variables/form', () => variableForm(web, null, null, []))
  routes.show('/variables/edit', 'op', 'variables/form', (req) =>
    variableForm(web, String(req.query['key'] ?? ''), null, []),
  )
  routes.take('/ui/variables', 'op', 'variables/form', (req, res) => postVariable(web, req, res))
  routes.take('/ui/variables/delete', 'op', 'variables/form', (req, res) => postVariableDelete(web, req, res))
  routes.show('/connections', 'op', 'connections/page', (req) => connectionsPage(web, req))
  routes.show('/connections/new', 'op', 'connections/form', (req) => newConnection(web, req))
  routes.show('/connections/edit', 'op', 'connections/form', (req) =>
    connectionForm(web, String(req.query['id'] ?? ''), null, []),
  )
  routes.take('/ui/connections', 'op', 'connections/form', (req, res) => postConnection(web, req, res))
  routes.take('/ui/connections/delete', 'op', 'connections/form', (req, res) => postConnectionDelete(web, req, res))
}

export function pageRoutes(web: Web, limit: SignInLimit): { router: Router; pages: Pages } {
  const pages = new Pages(web, makeRenderer(web.assets))
  const routes = new PageRoutes(pages)
  const { router } = routes
  router.use(signInRoutes(pages, limit))
  router.use(passwordRoutes(pages, limit))
  routes.show('/', 'viewer', 'home/page', () => homePage(web))
  dagRoutes(web, routes)
  controlRoutes(web, routes)
  taskRoutes(web, routes)
  settingRoutes(web, routes)
  router.get('/ui/palette', pages.needs('viewer'), (req, res) => sendFound(web, pages, req, res))
  routes.show('/errors', 'viewer', 'import-errors/page', () => importErrorsPage(web))
  routes.show('/errors/:id', 'viewer', 'import-errors/error', (req) => importErrorPage(web, req))
  routes.show('/monitoring', 'viewer', 'monitoring/page', () => monitoringPage(web))
  router.post('/ui/theme', (req, res) => postTheme(web, req, res))
  return { router, pages }
}
