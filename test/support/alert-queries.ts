import { alerts, recordings } from '../../tooling/render/alerts.ts'
import { overWindow } from './alert-rules.ts'

export interface AlertQuery {
  readonly alert: string
  readonly query: string
}

/**
 * At rest no threshold is passed: any number will do. Two series that are compared are there if the answer is yes or no, and what
 * must not be absent is there.
 */
const withoutThresholds = (expr: string): string =>
  expr
    .replace(/ (?:>=?|<=?|==|!=) [\d.]+/g, ' > -1e9')
    .replace(/ (>=?|<=?|==|!=) on /g, ' $1 bool on ')
    .replace(/^absent\((.+)\)$/, '$1')

/** Whoever asks has loaded no rules: a recorded name is what it records. */
const withoutRecords = (expr: string): string =>
  recordings.reduce((asked, { record, expr: recorded }) => asked.replaceAll(record, recorded), expr)

/** What every alert and every recording asks for, so that series come back while all is well; over `window` instead of its own minutes. */
export function alertQueries(window: string): readonly AlertQuery[] {
  const named = [...alerts, ...recordings.map(({ record, expr }) => ({ alert: record, expr }))]
  return named.flatMap(({ alert, expr }) =>
    withoutRecords(expr)
      .split(' or ')
      .map((part) => ({ alert, query: overWindow(withoutThresholds(part), window) })),
  )
}
