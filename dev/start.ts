/**
 * npm start: the functions of this repository as processes of this machine, with a broker. The composition root of `dev/`:
 * the only place here that reads the environment and the arguments, handles signals and ends the process.
 */
import { join } from 'node:path'
import { describe, FnError } from '../runtime/core/errors.ts'
import { systemClock as clock } from '../runtime/system/clock.ts'
import { bundleFunctions, pinnedNodeVersion, restBundler } from '../tooling/bundle.ts'
import { BuildError, discoverFunctions, type FunctionFacts, inspectFunctions, shownPath } from '../tooling/functions.ts'
import { helpText, parseArguments, type StartArguments, UsageError } from './arguments.ts'
import { provideBroker } from './broker.ts'
import { accessOf, managementUrlOf, withAbsoluteFiles } from './broker-access.ts'
import { factsOf } from './facts.ts'
import type { Fleet } from './fleet.ts'
import { JsonLines } from './json-lines.ts'
import { takeLock } from './lock.ts'
import { planFunctions } from './plan.ts'
import { slowedBy } from './rebuild.ts'
import { announceBroker } from './running.ts'
import { Screen } from './screen.ts'
import { runSession } from './session.ts'
import type { Shown } from './shown.ts'
import { staleScalers } from './stale-scaler.ts'
import * as state from './state.ts'
import { summaryOf } from './summary.ts'
import { deleteOldVhosts, ownVhost, type VhostOptions } from './vhost.ts'

type Broker = Awaited<ReturnType<typeof provideBroker>>

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
/** npm hands over once more a Ctrl-C that reached this process anyway: that is no second one. */
const sameSignalMs = 250
/** A broker that takes longer to start is worth a word. */
const patienceMs = 1000
/** Time for the broker to be gone once the end is forced. */
const forceMs = 5000

// npm runs scripts in the repository; what a person types is relative to where they are.
const { npm_lifecycle_event: script, INIT_CWD: typedIn } = process.env
const cwd = (script === 'start' && typedIn) || process.cwd()
const env = withAbsoluteFiles(process.env, cwd)
const isTerminal = process.stdout.isTTY === true && env.TERM !== 'dumb'
let screen: Shown = new Screen({
  out: process.stdout,
  err: process.stderr,
  terminal: isTerminal ? process.stdout : null,
  colour: isTerminal && process.stderr.isTTY === true && !env.NO_COLOR,
  now: () => clock.monotonic(),
})

/** What is under way, to be ended at once if a person insists, in any case before this process is gone. */
const undertaken: { fleet?: Fleet; broker?: Broker; unlock?: () => void } = {}

async function force(why: string): Promise<never> {
  screen.endStatus()
  screen.error(why)
  undertaken.fleet?.kill()
  const late = new Promise((resolve) => setTimeout(resolve, forceMs))
  await Promise.race([undertaken.broker?.stop().catch(() => {}), late])
  undertaken.unlock?.()
  process.exit(1)
}

/** Fires at the first request to stop; the second forces. */
function stopRequests(): AbortSignal {
  const controller = new AbortController()
  let firstAt = 0
  const requested = () => {
    if (!controller.signal.aborted) {
      firstAt = clock.monotonic()
      controller.abort()
    } else if (clock.monotonic() - firstAt > sameSignalMs) void force('forced: what was under way is given up')
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, requested)
  // Nobody reads any more, or the terminal is gone: end in good order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => controller.abort())
  return controller.signal
}

/** Bundles, plans and a broker, made side by side. */
async function prepare(args: StartArguments, pipeline: state.Pipeline, stop: AbortSignal) {
  const names = discoverFunctions(root)
  const bundling = bundleFunctions({ root, outDir: dist, names, ...(args.once ? {} : { through: slowedBy }) })
  bundling.catch(() => {})
  const facts = await inspectFunctions(root, names)
  const { plans, leftOut } = planFunctions(facts, pipeline, { env, once: args.once })
  for (const line of leftOut) screen.say(line)
  if (!args.once) for (const line of staleScalers(facts, root)) screen.say(line)
  const vain = new AbortController()
  const signal = AbortSignal.any([stop, vain.signal])
  const say = (line: string) => screen.say(line)
  const providing = provideBroker({ stateDir: pipeline.home, env, say, signal })
  const patience = setTimeout(say, patienceMs, 'the broker is starting')
  try {
    const [broker] = await Promise.all([providing, bundling.then(restBundler)])
    undertaken.broker = broker
    return { plans, broker }
  } catch (error) {
    vain.abort()
    await providing.then((broker) => broker.stop()).catch(() => {})
    throw error
  } finally {
    clearTimeout(patience)
  }
}

/** Where the pipeline's own vhost is; null on a broker that is not ours. */
function vhostOf({ owned, url, managementUrl }: Broker, { id, folder }: state.Pipeline): VhostOptions | null {
  return owned && managementUrl !== null ? { broker: { url, managementUrl }, id, folder } : null
}

async function run(args: StartArguments, pipeline: state.Pipeline, stop: AbortSignal): Promise<number> {
  const fresh = args.once && state.isMissingOrEmpty(pipeline.output)
  if (fresh) state.startOver(pipeline)
  else if (state.isMissingOrEmpty(pipeline.output) && state.hasCheckpoint(pipeline)) {
    const folder = shownPath(pipeline.folder, cwd)
    screen.say(`the input was sent before, from here on only what is new is; remove ${folder} to send all of it again`)
  }
  const { plans, broker } = await prepare(args, pipeline, stop)
  const vhost = vhostOf(broker, pipeline)
  const ownUrl = broker.owned ? (vhost ? await ownVhost(vhost, fresh) : broker.url) : null
  const access = accessOf(ownUrl === null ? env : { AMQP_URL: ownUrl })
  const { input, output } = pipeline
  const functions = plans.map(({ name }) => name)
  screen.event({ event: 'start', input, output, broker: broker.description, functions, fast: args.fast }, [
    `broker ${broker.description}, functions ${functions.join(' ')}`,
    `${shownPath(input, cwd)} -> ${shownPath(output, cwd)}${args.once ? '' : ', Ctrl-C ends it'}`,
  ])
  const begun = clock.monotonic()
  const managementUrl = broker.managementUrl ?? managementUrlOf(env, access)
  const began = (fleet: Fleet) => {
    undertaken.fleet = fleet
  }
  const withdraw = ownUrl === null ? () => {} : announceBroker(pipeline.folder, { url: ownUrl, managementUrl })
  const replan = (facts: readonly FunctionFacts[]) => {
    for (const line of staleScalers(facts, root)) screen.say(line)
    return planFunctions(facts, pipeline, { env, once: args.once }).plans
  }
  const folders = { root, dist, cwd }
  const session = { args, pipeline, plans, replan, broker, access, managementUrl, ...folders, screen, stop, began }
  const { result, fleet } = await runSession(session)
  withdraw()
  // What cannot be deleted now is deleted by the next run.
  if (vhost) await deleteOldVhosts(vhost).catch(() => {})
  await broker.stop()
  if (result.failure) screen.error(result.failure.message)
  const tookMs = clock.monotonic() - begun
  const facts = await factsOf(args.once, pipeline, plans, { result, fleet, tookMs, keepsQueues: true })
  const summary = summaryOf(facts)
  const exitCode = result.failure?.exitCode ?? summary.exitCode
  screen.event({ event: 'end', exitCode, ...facts }, summary.lines)
  return exitCode
}

async function main(): Promise<number> {
  const args = parseArguments(process.argv.slice(2), env)
  if (args.help) {
    process.stdout.write(helpText)
    return 0
  }
  const { stdout: out, stderr: err } = process
  if (args.json) screen = new JsonLines({ out, err, now: () => clock.monotonic(), wallClock: clock.now })
  const pinned = await pinnedNodeVersion()
  if (process.versions.node.split('.')[0] !== pinned.split('.')[0]) {
    throw new UsageError(`this is Node.js ${process.version}; npm start runs it with the pinned ${pinned}`)
  }
  const stop = stopRequests()
  const pipeline = state.pipelineOf({ root, cwd, input: args.input, output: args.output })
  const made = state.prepareFiles(pipeline, args.input === null)
  if (made) screen.say(`made ${shownPath(pipeline.input, cwd)} with a few lines`)
  state.makeState(pipeline)
  undertaken.unlock = takeLock(pipeline.folder)
  try {
    return await run(args, pipeline, stop)
  } catch (error) {
    await undertaken.broker?.stop()
    if (!stop.aborted) throw error
    screen.say('stopped before it had begun')
    return args.once ? 1 : 0
  } finally {
    undertaken.unlock()
  }
}

/** What a person has to mend needs no stack trace. */
function exitCodeFor(error: unknown): 1 | 2 {
  const isConfiguration = error instanceof FnError && error.verdict === 'config'
  return error instanceof UsageError || error instanceof BuildError || isConfiguration ? 2 : 1
}

process.on('uncaughtException', (error) => void force(error.stack ?? String(error)))
try {
  process.exit(await main())
} catch (error) {
  screen.endStatus()
  screen.error(describe(error))
  process.exit(exitCodeFor(error))
}
