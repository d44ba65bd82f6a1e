import { describe } from '../runtime/core/errors.ts'
import { type Inspector, inspector } from '../runtime/rabbitmq/inspect.ts'
import { systemClock as clock } from '../runtime/system/clock.ts'
import { type FunctionFacts, shownPath } from '../tooling/functions.ts'
import { type ActionOptions, absences, actionsOf } from './actions.ts'
import type { StartArguments } from './arguments.ts'
import { Audience } from './audience.ts'
import type { BrokerHandle } from './broker.ts'
import type { BrokerAccess } from './broker-access.ts'
import { BrokerSwitch } from './broker-switch.ts'
import { openInBrowser } from './browser.ts'
import { compare } from './facts.ts'
import { Fleet } from './fleet.ts'
import { Live, type LiveOptions } from './live.ts'
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
import { prepareScaling, type Scaling } from './scaling-run.ts'
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
  readonly access: BrokerAccess
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
  const { args, pipeline, plans, broker, access, screen, stop } = options
  const { once } = args
  const audience = new Audience(screen)
  const asking = inspector(access.now, clock)
  const scaling = once ? null : await scalingOf(options, asking, audience)
  state.removePodLogs(pipeline, plans)
  const network = args.page && broker.owned ? await Network.to(access.env.AMQP_URL ?? '') : null
  const tails = new Map<string, LogTail>()
  const fleet = fleetOf(options, { audience, network, scaling, tails })
  options.began(fleet)
  const keeper = keeperOf(broker, fleet, audience)
  const depths = depthReader(asking, plans)
  const monitor = new Monitor({ fleet, plans, depths, tails, screen, now: () => clock.monotonic() })
  const autoscaler = scaling?.over(fleet, audience.decided) ?? null
  const objects = scaling?.objects ?? []
  const page = args.page
    ? await showPage(options, { ...{ audience, fleet, objects, depths, tails, monitor, autoscaler, network, keeper } })
    : null
  const unlimit = args.limitMemory ? limited(options, fleet, audience) : () => {}
  const watching = once ? null : watchSources(options, fleet, audience)
  const phase = (text: string | null) => monitor.phase(text)
  const result = await runFleet({ plans, fleet, depths, once, scaling: autoscaler, stop, phase })
  watching?.close()
  unlimit()
  keeper.end()
  page?.close()
  monitor.end(result.after)
  network?.close()
  await asking.close()
  return { result, fleet }
}

const scalingOf = (
  { args, plans, root, access, managementUrl }: SessionOptions,
  asking: Inspector,
  { say }: Audience,
): Promise<Scaling> => {
  const { fast } = args
  return prepareScaling({ plans, root, fast, clock, inspector: asking, managementUrl, vhost: access.vhost, say })
}

interface FleetParts {
  readonly audience: Audience
  readonly network: Network | null
  readonly scaling: Scaling | null
  readonly tails: Map<string, LogTail>
}

function fleetOf(options: SessionOptions, { audience, network, scaling, tails }: FleetParts): Fleet {
  const { args, pipeline, plans, access, root, dist } = options
  const { once, fast } = args
  return new Fleet({
    ...{ plans, root, dist, once, tails, warn: audience.warn },
    logPathOf: (name) => state.logPathOf(pipeline, name),
    brokerEnv: network ? { AMQP_URL: network.url } : access.env,
    sizes: scaling?.sizes ?? new Map(),
    backOff: once ? quickBackOff : kubeletBackOff(fast),
    after: clock.after,
    now: () => clock.monotonic(),
    wallClock: clock.now,
  })
}

/** Starts the broker again when it ends, if it is ours. */
function keeperOf(broker: BrokerHandle, fleet: Fleet, { warn, brokerIs }: Audience): BrokerSwitch {
  const ended = () => warn('the broker ended; starting it again')
  const keeper = new BrokerSwitch({ broker, ended, changed: brokerIs })
  keeper.failed.catch((error: unknown) => fleet.giveUp(`the broker cannot be started again: ${describe(error)}`))
  return keeper
}

interface PageParts extends Pick<LiveOptions, 'fleet' | 'objects' | 'depths' | 'tails'> {
  readonly audience: Audience
  readonly monitor: Monitor
  readonly autoscaler: ActionOptions['autoscaler']
  readonly network: Network | null
  readonly keeper: BrokerSwitch
}

/** From now on the page is told, too. */
async function showPage(options: SessionOptions, parts: PageParts): Promise<{ close(): void }> {
  const { args, pipeline, plans, broker, screen } = options
  const { audience, fleet, objects, depths, tails, monitor, autoscaler, network, keeper } = parts
  const live = new Live({
    ...{ fleet, plans, objects, depths, tails },
    facts: factsOf(options, network),
    snapshot: () => monitor.snapshot,
    compare: () => compare(pipeline, plans, false),
    now: clock.now,
  })
  audience.live = live
  const stoppable = broker.owned ? keeper : null
  const actions = actionsOf({ live, fleet, objects, autoscaler, network, broker: stoppable, input: pipeline.input })
  const page = await servePage({ watch: (watcher) => live.watch(watcher), actions })
  screen.event({ event: 'page', url: page.url }, [`page ${page.url}`])
  if (args.open) openInBrowser(page.url, audience.say)
  return {
    close() {
      live.end()
      page.close()
    },
  }
}

/** A function that is edited is built again and rolled. */
function watchSources({ root, dist, plans, replan }: SessionOptions, fleet: Fleet, { say, warn }: Audience) {
  const rebuilder = new Rebuilder({ root, dist, plans, replan, roll: (name) => fleet.roll(name), say, warn })
  const failed = ({ message }: Error) => warn(`edits are not noticed any more: ${message}`)
  try {
    return new SourceWatch(root, (names) => void rebuilder.rebuild(names), failed)
  } catch (error) {
    warn(`edits are not noticed: ${describe(error)}`)
    return null
  }
}

function limited({ plans, root }: SessionOptions, fleet: Fleet, { say, warn }: Audience): () => void {
  const limits = memoryLimitsOf(plans, root)
  for (const note of limits.notes) say(note)
  return limitMemory(fleet, limits, warn)
}

const factsOf = ({ args, pipeline, broker, cwd }: SessionOptions, network: Network | null) => ({
  fast: args.fast,
  broker: broker.description,
  input: shownPath(pipeline.input, cwd),
  output: shownPath(pipeline.output, cwd),
  absent: { broker: broker.owned ? null : absences.broker, network: network ? null : absences.network },
})
