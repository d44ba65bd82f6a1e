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
