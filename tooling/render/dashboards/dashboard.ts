import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { datasource, type PanelSpec, panelOf } from './panel.ts'

export interface VariableSpec {
  readonly name: string
  readonly label: string
  /** `label_values(METRIC, LABEL)`. */
  readonly query: string
  /** Several at once, and all of them at first; otherwise one. */
  readonly many?: boolean
  /** Not shown: it is there so that a query may be narrowed in the address, by `var-NAME=VALUE`. */
  readonly hidden?: boolean
}

export interface DashboardSpec {
  /** The name of its file, and its uid: links hold it. */
  readonly name: string
  readonly title: string
  readonly description: string
  readonly variables: readonly VariableSpec[]
  readonly rows: readonly { readonly id: number; readonly title: string; readonly panels: readonly PanelSpec[] }[]
}

const columns = 24

export function dashboardOf({ name, title, description, variables, rows }: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(name)
    .description(description)
    .tags(['kedafn'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .link(
      new DashboardLinkBuilder('kedafn')
        .type(DashboardLinkType.Dashboards)
        .tags(['kedafn'])
        .asDropdown(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
  for (const variable of variables) builder.withVariable(variableOf(variable))
  let y = 0
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(row.id).gridPos({ x: 0, y, w: columns, h: 1 }))
    y = placed(builder, row.panels, y + 1)
  }
  return builder.build()
}

/** Panels side by side, and the next line of them below the highest. @returns where the next one begins */
function placed(builder: DashboardBuilder, panels: readonly PanelSpec[], top: number): number {
  let [x, y, bottom] = [0, top, top]
  for (const panel of panels) {
    const [w, h] = [panel.width ?? columns / 2, panel.height ?? 8]
    if (x + w > columns) [x, y] = [0, bottom]
    builder.withPanel(panelOf(panel, { x, y, w, h }))
    x += w
    bottom = Math.max(bottom, y + h)
  }
  return bottom
}

function variableOf({ name, label, query, many, hidden }: VariableSpec): QueryVariableBuilder {
  const builder = new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .hide(hidden ? VariableHide.HideVariable : VariableHide.DontHide)
  if (!many) return builder
  return builder.multi(true).includeAll(true).allValue('.+').current({ selected: true, text: 'All', value: '$__all' })
}
