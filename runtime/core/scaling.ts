import { consumerOptions, producerOptions } from './options.ts'
import { Problems } from './problems.ts'
import { abortAfterMs, type Capacity, prefetchFor } from './scale.ts'
import type { ConsumerSpec, EnvSpec } from './spec.ts'
import { consumerNumbers } from './spec-check.ts'

/**
 * The numbers of a function on a cluster. They depend on each other, so they are computed in one place, and what was changed
 * by hand is held against the same rules.
 *
 * | number | computed from | why |
 * |---|---|---|
 * | `prefetch` | batch, concurrency, `value`, timeout, `linesPerMessage` | see `prefetchFor` |
 * | `value` | `scale.messagesPerReplica`, else the prefetch, at least 100 deliveries | a replica more must find something to do |
 * | `graceMs` | timeout + 5 s | a handler that was begun may use all of its time, then there is time to settle |
 * | `terminationGracePeriodSeconds` | `graceMs` + 5 s | the process ends itself before it is killed |
 * | `cooldownSeconds` | 30 s | longer than the 8 s by which the broker's statistics may lag, and a poll |
 * | `cooldownReadySeconds` | timeout + 30 s | KEDA's `amqp` does not see what is being handled: that must end first |
 */
export interface Scaling extends Capacity {
  readonly prefetch: number
  /** KEDA's `value`. */
  readonly value: number
  readonly min: number
  readonly max: number
  /** The runtime's own time from SIGTERM to exit. */
  readonly graceMs: number
  /** The platform's time from SIGTERM to SIGKILL. */
  readonly terminationGracePeriodSeconds: number
  readonly pollingSeconds: number
  /** With what counts unacked deliveries too, KEDA's `protocol: http`. */
  readonly cooldownSeconds: number
  /** With what counts ready messages only, KEDA's `protocol: amqp`. */
  readonly cooldownReadySeconds: number
}

const settleMs = 5000
/** The kubelet's own delays, a slow machine, the closing of a connection that does not answer. */
const exitSeconds = 5
const pollingSeconds = 5
const cooldownSeconds = 30
/** By how much the statistics of the management API may lag. */
const statisticsLagSeconds = 8
/** KEDA names the HPA `keda-hpa-<name>`, of 63 characters at most. */
const maxNameLength = 54
/** One active consumer, and one that takes over at once. */
const maxOrdered = 2

/**
 * The numbers of a consumer.
 * @throws FnError FN_SPEC_INVALID naming every combination that cannot work, and why
 */
export function scalingOf(name: string, spec: ConsumerSpec<unknown, EnvSpec, unknown>): Scaling {
  const number = consumerNumbers(spec)
  const [batchSize, concurrency, timeoutMs] = [number('batchSize'), number('concurrency'), number('timeoutMs')]
  const ordered = spec.order !== undefined
  const capacity = {
    batchSize,
    batchMaxWaitMs: number('batchMaxWaitMs'),
    concurrency,
    timeoutMs,
    linesPerMessage: number('linesPerMessage'),
    messagesPerReplica: spec.scale?.messagesPerReplica,
  }
  const prefetch = prefetchFor(capacity)
  const scaling: Scaling = {
    ...capacity,
    prefetch,
    value: spec.scale?.messagesPerReplica ?? defaultValueOf(prefetch, number('linesPerMessage')),
    min: number('scaleMin'),
    max: ordered ? (spec.scale?.max ?? Math.max(1, number('scaleMin'))) : number('scaleMax'),
    ...graceOf(timeoutMs),
    pollingSeconds,
    cooldownSeconds,
    cooldownReadySeconds: Math.ceil(timeoutMs / 1000) + cooldownSeconds,
  }
  const problems = new Problems()
  checkScaling(problems, name, scaling, ordered)
  problems.throwIfAny('FN_SPEC_INVALID', name)
  return scaling
}

const defaultValueOf = (prefetch: number, linesPerMessage: number): number =>
  Math.max(prefetch, Math.ceil(consumerOptions.messagesPerReplica.default / linesPerMessage))

/** The time that a function has to end: a handler's timeout and the settling, for a producer the default. */
export function graceOf(timeoutMs: number | null): Pick<Scaling, 'graceMs' | 'terminationGracePeriodSeconds'> {
  const graceMs = timeoutMs === null ? producerOptions.graceMs.default : timeoutMs + settleMs
  return { graceMs, terminationGracePeriodSeconds: Math.ceil(graceMs / 1000) + exitSeconds }
}

/** What holds of the numbers together, whoever wrote them. */
export function checkScaling(problems: Problems, name: string, scaling: Scaling, ordered = false): void {
  const { batchSize, concurrency, timeoutMs, value, min, max, prefetch, cooldownSeconds: cooldown } = scaling
  const { graceMs, terminationGracePeriodSeconds } = scaling
  if (name.length > maxNameLength) {
    problems.add('the name', name, `at most ${maxNameLength} characters: KEDA puts keda-hpa- before it`)
  }
  if (min > max) problems.add('scale.min', min, `at most scale.max, which is ${max}`)
  if (ordered && max > maxOrdered) {
    problems.add('scale.max', max, `at most ${maxOrdered} with order: the queue has one active consumer`)
  }
  if (value < prefetch) {
    problems.add(
      'scale.messagesPerReplica',
      value,
      `at least ${prefetch}, what one replica takes for itself (batch.size ${batchSize} times concurrency ${concurrency}, ` +
        'or its prefetch): new replicas would find nothing',
    )
  }
  if (abortAfterMs(graceMs) < timeoutMs) {
    problems.add(
      'KEDAFN_GRACE_MS',
      graceMs,
      `at least ${timeoutMs + settleMs}: timeoutMs ${timeoutMs} and time to settle`,
    )
  }
  if (terminationGracePeriodSeconds * 1000 <= graceMs) {
    const expected = `more than KEDAFN_GRACE_MS, which is ${graceMs}: SIGKILL must not come before the process's own end`
    problems.add('terminationGracePeriodSeconds', terminationGracePeriodSeconds, expected)
  }
  if (cooldown <= scaling.pollingSeconds + statisticsLagSeconds) {
    const least = scaling.pollingSeconds + statisticsLagSeconds
    problems.add('cooldownPeriod', cooldown, `more than ${least}: a poll, and the lag of the broker's statistics`)
  }
}
