// Lists that are whole on the page are filtered as one types; without script the form asks the server.

import { watchFilter } from '../pages/forms/browser/filter.ts'

watchFilter()
