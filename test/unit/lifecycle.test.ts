import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type DrainOutcome,
  drainOutcomeAfter,
  type Event,
  type State,
  type Step,
  step,
} from '../../runtime/core/lifecycle.ts'

const exits = (exit: 0 | 1 | 2): Step => ({ state: 'ended', commands: [{ exit }] })
const stays = (state: State): Step => ({ state, commands: [] })

const steps: Record<'running' | 'draining', Record<Event, Step>> = {
  running: {
    signal: { state: 'draining', commands: ['drain'] },
    done: exits(0),
    'abort-due': stays('running'),
    'grace-over': stays('running'),
    fatal: exits(1),
    misconfigured: exits(2),
  },
  draining: {
    signal: exits(1),
    done: exits(0),
    'abort-due': { state: 'draining', commands: ['abort-handlers'] },
    'grace-over': exits(1),
    fatal: exits(1),
    misconfigured: exits(2),
  },
}

for (const state of ['running', 'draining'] as const) {
  for (const [event, expected] of Object.entries(steps[state]) as [Event, Step][]) {
    test(`a ${state} process that meets ${event} is ${expected.state} and does ${JSON.stringify(expected.commands)}`, () => {
      assert.deepEqual(step(state, event), expected)
    })
  }
}

test('an ended process does nothing more', () => {
  for (const event of Object.keys(steps.running) as Event[]) assert.deepEqual(step('ended', event), stays('ended'))
})

test('a drain goes from signal over abort to exit code 0', () => {
  let state: State = 'running'
  const commands = (['signal', 'abort-due', 'done', 'grace-over', 'signal'] as const).flatMap((event) => {
    const next = step(state, event)
    state = next.state
    return next.commands
  })
  assert.deepEqual(commands, ['drain', 'abort-handlers', { exit: 0 }])
})

test('a drain is what its last event made of it, and one that ends after an abort stays aborted', () => {
  const outcomes: Record<Event, [afterPending: DrainOutcome, afterAborted: DrainOutcome]> = {
    signal: ['second_signal', 'second_signal'],
    done: ['complete', 'aborted'],
    'abort-due': ['aborted', 'aborted'],
    'grace-over': ['over_budget', 'over_budget'],
    fatal: ['failed', 'failed'],
    misconfigured: ['failed', 'failed'],
  }
  for (const [event, expected] of Object.entries(outcomes) as [Event, DrainOutcome[]][]) {
    const got = (['pending', 'aborted'] as const).map((before) => drainOutcomeAfter(before, event))
    assert.deepEqual(got, expected, event)
  }
})
