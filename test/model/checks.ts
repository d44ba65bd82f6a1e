import { endlessRun, type Search } from './spin.ts'

export interface Check extends Search {
  readonly name: string
  /** The claim that must be violated, or null if all must hold. */
  readonly expected: string | null
}

/** The model as it is: every claim must hold. */
const rightChecks: readonly Check[] = [
  { name: 'the model', lines: 3, troubles: 2, kind: 'all', expected: null },
  { name: 'the model with concurrent handlers', lines: 2, troubles: 2, concurrent: true, kind: 'all', expected: null },
  { name: 'the model: every run ends', lines: 2, troubles: 2, kind: 'cycles', expected: null },
]

/** Larger: a minute or two, and up to 1 GB of memory. */
const deepChecks: readonly Check[] = [
  { name: 'the model, 4 lines', lines: 4, troubles: 2, kind: 'all', expected: null },
  { name: 'the model, 3 troubles', lines: 2, troubles: 3, kind: 'all', expected: null },
  { name: 'the model, concurrent handlers', lines: 3, troubles: 2, concurrent: true, kind: 'all', expected: null },
  { name: 'the model, every run ends', lines: 3, troubles: 2, kind: 'cycles', expected: null },
]

const gone = 'a line that the broker took is gone'
const outOfOrder = 'a line comes before an earlier one'
const passed = 'the checkpoint has passed an unconfirmed line'

/** Each way to get it wrong that the model names, with the claim that it must violate. */
const expectations = {
  CHECKPOINT_BEFORE_CONFIRM: passed,
  CHECKPOINT_AT_HIGHEST_CONFIRM: passed,
  FORGET_UNCONFIRMED: 'a line is not sent, or neither done nor dead',
  ACK_BEFORE_EFFECT: gone,
  ACK_BEFORE_MOVE_CONFIRMED: gone,
  ACK_PAST_UNFINISHED: gone,
  ACK_ON_ANOTHER_CHANNEL: gone,
  REQUEUE_AT_LIMIT: endlessRun,
  RETRY_AT_MOST_ONCE: gone,
  HAND_BACK_STARTED: 'a repeat of what was not in flight',
  ORDER_AFTER_REFUSAL: outOfOrder,
  ORDER_AFTER_DRAIN_CUT_SHORT: outOfOrder,
  ORDER_WITH_CONCURRENCY: outOfOrder,
} as const satisfies Record<string, string>

export const wrongChecks: readonly Check[] = Object.entries(expectations).map(([wrong, expected]) => ({
  name: wrong,
  wrong,
  lines: 2,
  troubles: 2,
  concurrent: wrong === 'ORDER_WITH_CONCURRENCY',
  kind: expected === endlessRun ? 'cycles' : 'shortest',
  expected,
}))

export const checks: readonly Check[] = [...rightChecks, ...wrongChecks]
export const allChecks: readonly Check[] = [...rightChecks, ...deepChecks, ...wrongChecks]
