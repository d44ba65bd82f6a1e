import { setTimeout as delay } from 'node:timers/promises'
import { type Fleet, FleetFailure } from './fleet.ts'
import type { Plan } from './plan.ts'
import type { Depth, DepthReader } from './queue-depth.ts'

export interface RunOptions {
  readonly plans: readonly Plan[]
  readonly fleet: Fleet
  readonly depths: DepthReader
  /** End by itself once everything is written. */
  readonly once: boolean
  /** Decides how many processes there are, from the first line on until the end is asked for. */
  readonly scaling: { start(): void; stop(): void } | null
  /** Fires when a person asks for the end. */
  readonly stop: AbortSignal
  /** What is going on, if it is not just running. */
  phase(text: string | null): void
}

export interface RunResult {
  readonly before: readonly Depth[] | null
  readonly after: readonly Depth[] | null
  /** Functions that did not end by themselves with exit code 0. */
  readonly unwell: readonly string[]
  /** A run that was to end by itself did not get there. */
  readonly interrupted: boolean
  readonly failure: FleetFailure | null
}

const pollMs = 100
/** A function reports what it received within 200 ms: so long an empty queue may only look settled. */
const quietMs = 250
/** A message on its way from a retry queue to its work queue is in neither for a moment. */
const quietAfterRetriesMs = 1000
/** Handlers may take their time, but not for ever. */
const stallMs = 10 * 60_000
/** So often is a queue worked off again that was not empty after all, for what was handed back. */
const mostRounds = 10
const brokerTimeoutMs = 30_000
/** A person who waits for the end is not kept waiting for a broker that is away. */
const lastLookMs = 5000

/** Runs the fleet from first to last: consumers, producers, work, drain. Never rejects. */
export async function runFleet(options: RunOptions): Promise<RunResult> {
  const { fleet, once, stop, phase } = options
  let failure: FleetFailure | null = null
  let before: readonly Depth[] | null = null
  let workedOff = false
  const unwell: string[] = []
  try {
    phase('starting')
    const starting = fleet.startConsumers()
    await untilStopped(
      untilKnown(options, once ? brokerTimeoutMs : Number.POSITIVE_INFINITY).then((known) => {
        before = known
      }),
      options,
    )
    if (before === null && !stop.aborted) fleet.giveUp('the broker does not answer')
    await untilStopped(starting, options)
    if (!stop.aborted) fleet.startProducers()
    phase(null)
    if (!stop.aborted) options.scaling?.start()
    if (once) {
      await untilStopped(fleet.producersFinished(), options)
      workedOff = await untilWorkedOff(options, unwell)
    } else await untilStopped(new Promise(() => {}), options)
  } catch (error) {
    failure = error instanceof FleetFailure ? error : new FleetFailure(String(error), 1)
  }
  options.scaling?.stop()
  if (!workedOff) phase('stopping: Ctrl-C again to force')
  unwell.push(...(await fleet.stop('producer')), ...(await fleet.stop('consumer')))
  const after = await untilKnown(options, lastLookMs)
  return { before, after, unwell: [...new Set(unwell)], interrupted: once && !workedOff, failure }
}

/** Waits for `promise`, but not once the end is asked for. Rejects when a function is given up. */
async function untilStopped(promise: Promise<unknown>, { fleet, stop }: RunOptions): Promise<void> {
  if (stop.aborted) return
  let onAbort = () => {}
  const stopped = new Promise<void>((resolve) => {
    onAbort = resolve
    stop.addEventListener('abort', onAbort)
  })
  try {
    await Promise.race([promise, stopped, fleet.failed])
  } finally {
    stop.removeEventListener('abort', onAbort)
  }
}

/** The depths of all queues, as soon as the broker can be asked; null if that takes too long. */
async function untilKnown({ depths }: RunOptions, timeoutMs: number): Promise<readonly Depth[] | null> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const known = await depths.read('all')
    if (known || performance.now() > deadline) return known
    await delay(pollMs)
  }
}

/**
 * Waits until the consumers have settled everything, drains them and looks again: only queues that are empty with nobody
 * holding anything are done. What was handed back meanwhile is worked off in another round.
 * @returns false if the end was asked for before, or nothing moves any more
 */
async function untilWorkedOff(options: RunOptions, unwell: string[]): Promise<boolean> {
  const { fleet, stop, phase } = options
  for (let round = 0; round < mostRounds; round++) {
    const settled = await settledOrStopped(options)
    if (!settled || stop.aborted) return false
    phase('finishing')
    unwell.push(...(await fleet.stop('consumer')))
    const after = await untilKnown(options, brokerTimeoutMs)
    if (after === null) return false
    if (isEmpty(after)) return true
    phase(null)
    await untilStopped(fleet.startConsumers(), options)
  }
  return false
}

async function settledOrStopped(options: RunOptions): Promise<boolean> {
  const over = new AbortController()
  let settled = false
  const settling = untilSettled(options, over.signal).then((result) => {
    settled = result
  })
  try {
    await untilStopped(settling, options)
  } finally {
    over.abort()
  }
  return settled
}

/** @returns false if nothing moves any more */
async function untilSettled({ plans, fleet, depths }: RunOptions, over: AbortSignal): Promise<boolean> {
  const stallAfterMs = stallMs + Math.max(0, ...plans.map((plan) => plan.longestRetryMs))
  let quietSince: number | null = null
  let movedAt = performance.now()
  let seen = ''
  while (!over.aborted) {
    const statuses = fleet.statuses.filter(({ plan }) => plan.kind === 'consumer').map(({ status }) => status)
    const working = await depths.read('work')
    const idle = isEmpty(working) && statuses.every(({ unsettled }) => unsettled === 0)
    // The other queues are many: they are looked at only once the work itself is done.
    const known = idle ? await depths.read('all') : working
    const now = performance.now()
    const picture = JSON.stringify([known, statuses])
    if (picture !== seen) movedAt = now
    seen = picture
    if (now - movedAt > stallAfterMs) return false
    if (!idle || !isEmpty(known)) quietSince = null
    else {
      quietSince ??= now
      const retried = statuses.some(({ counters }) => counters.retried > 0)
      if (now - quietSince >= (retried ? quietAfterRetriesMs : quietMs)) return true
    }
    await delay(pollMs)
  }
  return false
}

const isEmpty = (depths: readonly Depth[] | null): boolean =>
  depths?.every(({ ready, retrying }) => ready + retrying === 0) ?? false
