/**
 * The life of a function's process as a reducer: state and event in, state and commands out. The composition root
 * executes the commands; nothing else decides when to drain, to abort or to exit.
 */
export type State = 'running' | 'draining' | 'ended'

export type Event =
  /** SIGTERM or SIGINT. */
  | 'signal'
  /** The source is complete and all of it is confirmed, or the drain is through. */
  | 'done'
  /** The drain's time for running handlers is over. */
  | 'abort-due'
  /** The grace period is over. */
  | 'grace-over'
  /** An error only a person can mend. */
  | 'fatal'
  /** An error in what the person configured. */
  | 'misconfigured'

/** What can be known of a drain, from its beginning on. The last stands for an error that ended it. */
export const drainOutcomes = ['pending', 'aborted', 'complete', 'over_budget', 'second_signal', 'failed'] as const
export type DrainOutcome = (typeof drainOutcomes)[number]

export type Command = 'drain' | 'abort-handlers' | { readonly exit: 0 | 1 | 2 }

export interface Step {
  readonly state: State
  readonly commands: readonly Command[]
}

export function step(state: State, event: Event): Step {
  if (state === 'ended') return { state, commands: [] }
  switch (event) {
    case 'signal':
      return state === 'running' ? { state: 'draining', commands: ['drain'] } : exit(1)
    case 'done':
      return exit(0)
    case 'abort-due':
      return state === 'draining' ? { state, commands: ['abort-handlers'] } : { state, commands: [] }
    case 'grace-over':
      return state === 'draining' ? exit(1) : { state, commands: [] }
    case 'fatal':
      return exit(1)
    case 'misconfigured':
      return exit(2)
  }
}

const exit = (code: 0 | 1 | 2): Step => ({ state: 'ended', commands: [{ exit: code }] })

/** What an event makes of a drain that runs. A drain that ended after its handlers were told to give up stays `aborted`. */
export function drainOutcomeAfter(before: DrainOutcome, event: Event): DrainOutcome {
  switch (event) {
    case 'signal':
      return 'second_signal'
    case 'done':
      return before === 'aborted' ? before : 'complete'
    case 'abort-due':
      return 'aborted'
    case 'grace-over':
      return 'over_budget'
    case 'fatal':
    case 'misconfigured':
      return 'failed'
  }
}
