import { describe } from '../runtime/core/errors.ts'
import { inspector } from '../runtime/rabbitmq/inspect.ts'
import { systemClock as clock } from '../runtime/system/clock.ts'
import { type FunctionFacts, shownPath } from '../tooling/functions.ts'
import { absences, actionsOf } from './actions.ts'
import type { StartArguments } from './arguments.ts'
import type { BrokerHandle } from './broker.ts'
import { BrokerSwitch } from './broker-switch.ts'
import { openInBrowser } from './browser.ts'
import { compare } from './facts.ts'
import { Fleet } from './fleet.ts'
import { Live } from './live.ts'
import type { LogTail } from './log-tail.ts'
import { kubeletBackOff, quickBackOff } from './member.ts'
import { limitMemory, memoryLimitsOf } from './memory-limit.ts'
import { Monitor } from './monitor.ts'
import { Network } from './network.ts'
import { servePage } from './page-server.ts'
import type { Plan } from './plan.ts'
import { depthReader } from './queue-depth.ts'
import { Rebuilder } from './rebuild.ts'
import { type RunResult, runFleet } from './run.ts'
import { prepareScaling, type ScalingEvent } from './scaling-run.ts'
import type { Shown } from './shown.ts'
import { SourceWatch } from './source-watch.ts'
import * as state from './state.ts'

export interface SessionOptions {
  readonly args: StartArguments
  readonly pipeline: state.Pipeline
  readonly plans: readonly Plan[]
  /** How functions would run now, after an edit. */
  replan(facts: readonly FunctionFacts[]): readonly Plan[]
  readonly broker: BrokerHandle
  /** With the vhost of this pipeline. */
  readonly brokerUrl: string
  readonly managementUrl: string | null
  /** The repository. */
  readonly root: string
  readonly dist: string
  /** What paths are shown relative to. */
  readonly cwd: string
  readonly screen: Shown
  readonly stop: AbortSignal
  /** Called before any process is started. */
  began(fleet: Fleet): void
}

/** One run: the fleet, what scales it, and what shows it, from the first process to the last. */
export async function runSession(options: SessionOptions): Promise<{ result: RunResult; fleet: Fleet }> {
  const { args, pipeline, plans, broker, brokerUrl, managementUrl, root, dist, screen, stop } = options
  const { once, fast } = args
  const logPathOf = (name: string) => state.logPathOf(pipeline, name)
  const say = (line: string) => screen.say(line)
  const tails = new Map<string, LogTail>()
  const now = () => clock.monotonic()
  const asking = inspector(brokerUrl, clock)
  const scaling = once
    ? null
    : await prepareScaling({ plans, root, fast, clock, inspector: asking, managementUrl, brokerUrl, say })
  state.removePodLogs(pipeline, plans)
  const network = args.page && broker.owned ? await Network.to(brokerUrl) : null
  let live: Live | null = null
  const warn = (text: string) => {
    screen.warn(text)
    live?.note('warning', text)
  }
  const fleet = new Fleet({
    ...{ plans, root, dist, once, tails, logPathOf, now, warn },
    brokerUrl: network?.url ?? brokerUrl,
    sizes: scaling?.sizes ?? new Map(),
    backOff: once ? quickBackOff : kubeletBackOff(fast),
    after: clock.after,
    wallClock: clock.now,
  })
  options.began(fleet)
  const decided = (event: ScalingEvent) => {
    const { target, before, replicas, turn, reason } = event
    if (before !== replicas) {
      const scaled = { event: 'scale', function: target, before, replicas, by: turn, reason } as const
      screen.event(scaled, [`${target}: ${before} -> ${replicas}, ${reason}`])
    }
    live?.decided(event)
  }
  const keeper = new BrokerSwitch({
    broker,
    ended: () => warn('the broker ended; starting it again'),
    changed: (brokerState) => live?.change({ broker: brokerState }),
  })
  keeper.failed.catch((error: unknown) => fleet.giveUp(`the broker cannot be started again: ${describe(error)}`))
  const depths = depthReader(asking, plans)
  const monitor = new Monitor({ fleet, plans, depths, tails, screen, now })
  const autoscaler = scaling?.over(fleet, decided) ?? null
  const objects = scaling?.objects ?? []
  const shown = {
    ...{ fleet, plans, objects, depths, tails },
    facts: factsOf(options, network),
    snapshot: () => monitor.snapshot,
    compare: () => compare(pipeline, plans, false),
    now: clock.now,
  }
  live = args.page ? new Live(shown) : null
  const acting = { fleet, objects, autoscaler, network, broker: broker.owned ? keeper : null, input: pipeline.input }
  const page =
    live && (await servePage({ watch: (watcher) => live.watch(watcher), actions: actionsOf({ live, ...acting }) }))
  if (page) {
    screen.event({ event: 'page', url: page.url }, [`page ${page.url}`])
    if (args.open) openInBrowser(page.url, say)
  }
  const unlimit = args.limitMemory ? limited(options, fleet, warn) : () => {}
  const watching = once ? null : watchSources(options, fleet, warn)
  const phase = (text: string | null) => monitor.phase(text)
  const result = await runFleet({ plans, fleet, depths, once, scaling: autoscaler, stop, phase })
  watching?.close()
  unlimit()
  keeper.end()
  live?.end()
  page?.close()
  monitor.end(result.after)
  network?.close()
  await asking.close()
  return { result, fleet }
}

/** A function that is edited is built again and rolled. */
function watchSources(
  { root, dist, plans, replan, screen }: SessionOptions,
  fleet: Fleet,
  warn: (text: string) => void,
) {
  const say = (line: string) => screen.say(line)
  const rebuilder = new Rebuilder({ root, dist, plans, replan, roll: (name) => fleet.roll(name), say, warn })
  const failed = ({ message }: Error) => warn(`edits are not noticed any more: ${message}`)
  try {
    return new SourceWatch(root, (names) => void rebuilder.rebuild(names), failed)
  } catch (error) {
    warn(`edits are not noticed: ${describe(error)}`)
    return null
  }
}

function limited({ plans, root, screen }: SessionOptions, fleet: Fleet, warn: (text: string) => void): () => void {
  const limits = memoryLimitsOf(plans, root)
  for (const note of limits.notes) screen.say(note)
  return limitMemory(fleet, limits, warn)
}

const factsOf = ({ args, pipeline, broker, cwd }: SessionOptions, network: Network | null) => ({
  fast: args.fast,
  broker: broker.description,
  input: shownPath(pipeline.input, cwd),
  output: shownPath(pipeline.output, cwd),
  absent: { broker: broker.owned ? null : absences.broker, network: network ? null : absences.network },
})
