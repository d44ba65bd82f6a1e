import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { type GridPos, MappingType, type Panel, type ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StateBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as SeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

export interface Query {
  readonly expr: string
  /** How a series is called, with `{{label}}` for what tells it from the others. */
  readonly legend: string
  /** Drawn as a broken line, outside the stack: what is to be compared with. */
  readonly reference?: boolean
}

export interface PanelSpec {
  /** Links and Grafana's own alerts hold it: it never changes, and is not used again. */
  readonly id: number
  readonly title: string
  /** What is seen, and what to conclude. */
  readonly description: string
  /** One of Grafana's units; `bool` for what is so or not. */
  readonly unit: 'short' | 's' | 'bytes' | 'decbytes' | 'cps' | 'percentunit' | 'bool'
  /** `steps` for what holds until it changes, `bars` for what happens, `states` for what is so or not. @default lines */
  readonly style?: 'lines' | 'steps' | 'stacked' | 'bars' | 'states'
  /** Of 24 columns. @default 12 */
  readonly width?: number
  /** In rows of 30 px. @default 8 */
  readonly height?: number
  readonly queries: readonly Query[]
}

/** A data source that is chosen on the page, not built in. */
export const datasource = { type: 'prometheus', uid: '$datasource' }

const yesOrNo: ValueMapping = {
  type: MappingType.ValueToText,
  options: { '0': { text: 'no', color: 'text', index: 0 }, '1': { text: 'yes', color: 'blue', index: 1 } },
}

const legend = () =>
  new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.Table)
    .placement(LegendPlacement.Bottom)
    .calcs(['lastNotNull', 'max'])
    // Of causes that never came about the series are there too, at 0: what happened comes first.
    .sortBy('Max')
    .sortDesc(true)
const tooltip = () => new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi)

const targetsOf = ({ queries }: PanelSpec): DataqueryBuilder[] =>
  queries.map(({ expr, legend: format }, index) =>
    new DataqueryBuilder()
      .datasource(datasource)
      .refId(String.fromCharCode(65 + index))
      .expr(expr)
      .legendFormat(format)
      .range(),
  )

export function panelOf(spec: PanelSpec, gridPos: GridPos): Builder<Panel> {
  const { id, title, description, unit, style } = spec
  const common = <T extends SeriesBuilder | StateBuilder>(builder: T): T =>
    builder
      .id(id)
      .title(title)
      .description(description)
      .datasource(datasource)
      .unit(unit)
      .gridPos(gridPos)
      .targets(targetsOf(spec)) as T
  if (style === 'states') {
    return common(new StateBuilder())
      .mappings([yesOrNo])
      .mergeValues(true)
      .legend(new VizLegendOptionsBuilder().showLegend(false))
      .tooltip(tooltip())
  }
  const series = common(new SeriesBuilder())
    .min(0)
    .lineWidth(1)
    .fillOpacity(style === 'bars' ? 60 : style === 'stacked' ? 20 : 0)
    .showPoints(VisibilityMode.Auto)
    .drawStyle(style === 'bars' ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .lineInterpolation(style === 'steps' ? LineInterpolation.StepAfter : LineInterpolation.Linear)
    .legend(legend())
    .tooltip(tooltip())
  if (style === 'stacked') series.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
  for (const [index, { reference }] of spec.queries.entries()) {
    if (!reference) continue
    series.overrideByQuery(String.fromCharCode(65 + index), [
      { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
      { id: 'custom.fillOpacity', value: 0 },
      { id: 'custom.lineWidth', value: 2 },
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
    ])
  }
  return series
}
