import { type Comparison, judge, type Result } from '../../../bench/harness/result.ts'

export const comparison: Comparison = {
  id: 'bare',
  what: 'ours / bare',
  metric: 'rate',
  unit: 'lines/s',
  of: 'ours',
  to: 'bare',
  better: 'higher',
  goal: 0.9,
}

/** A row whose two sides measured these rates, round by round. */
export function resultOf(ours: readonly number[], bare: readonly number[], changes: Partial<Comparison> = {}): Result {
  const samples = { ours: ours.map((rate) => ({ rate })), bare: bare.map((rate) => ({ rate })) }
  return {
    name: 'row',
    section: 'Throughput',
    title: 'A row',
    rounds: ours.length,
    disturbed: 0,
    seconds: 1,
    sides: {},
    judged: judge([{ ...comparison, ...changes }], samples),
    growth: [],
    notes: [],
    skipped: [],
  }
}
