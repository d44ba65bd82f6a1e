import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Environment } from '../../runtime/core/config.ts'
import { lastLines } from './command.ts'
import { configure, dataPathOf, type Listeners, logPathOf, outputPathOf, serverArguments } from './configuration.ts'
import { type BrokerLife, type Launch, OwnedBroker } from './handle.ts'
import { endLeftOver, rememberPid } from './left-over.ts'
import { choosePorts, newPorts, type Ports } from './ports.ts'
import { untilReady } from './readiness.ts'
import type { RabbitServer } from './server-search.ts'

const startTimeoutMs = 90_000
const stopTimeoutMs = 10_000
const termTimeoutMs = 10_000
const portTries = 3

export interface PrivateBrokerOptions {
  readonly server: RabbitServer
  /** Data, logs, configuration and ports. */
  readonly folder: string
  readonly env: Environment
  readonly say: (line: string) => void
  readonly signal: AbortSignal | undefined
  readonly fresh: boolean
  readonly listeners?: Listeners | undefined
}

/** Ports were taken by somebody else between being looked at and being used. */
class PortTakenError extends Error {}

/**
 * Starts a broker of our own from the machine's `rabbitmq-server`, beside any other and without touching it.
 * @throws Error with the last lines of its log if it does not answer within 90 s; the signal's reason
 */
export async function startPrivateBroker(options: PrivateBrokerOptions): Promise<OwnedBroker> {
  const broker = new OwnedBroker(options.folder, launcher(options))
  await broker.start(options.signal)
  return broker
}

function launcher(options: PrivateBrokerOptions): Launch {
  const { folder, env, say, fresh } = options
  const portsPath = join(folder, 'ports.json')
  let settled: Ports | null = null
  return async (signal) => {
    // It listens on the ports that are wanted again: it has to go before they are looked at.
    await endLeftOver(folder, env, say)
    if (settled) return new ServerProcess(options, settled).ready(signal)
    if (fresh) rmSync(dataPathOf(folder), { recursive: true, force: true })
    for (let attempt = 1; ; attempt++) {
      const ports = await (attempt === 1 ? choosePorts(portsPath) : newPorts(portsPath))
      try {
        const life = await new ServerProcess(options, ports).ready(signal)
        settled = ports
        return life
      } catch (error) {
        if (!(error instanceof PortTakenError) || attempt === portTries) throw error
      }
    }
  }
}

/** The server's process, from its start to its end. */
class ServerProcess {
  readonly exited: Promise<void>
  readonly #options: PrivateBrokerOptions
  readonly #ports: Ports
  readonly #child: ChildProcess
  #startError: Error | null = null
  #isGone = false

  constructor(options: PrivateBrokerOptions, ports: Ports) {
    const { server, folder, listeners } = options
    this.#options = options
    this.#ports = ports
    const env = configure(folder, ports, server, listeners)
    const output = openSync(outputPathOf(folder), 'w')
    this.#child = spawn(server.script, serverArguments(folder), {
      cwd: folder,
      env,
      stdio: ['pipe', output, output],
      // A process group of its own: the terminal's Ctrl-C must not reach it, the functions drain first.
      detached: true,
    })
    closeSync(output)
    this.#child.stdin?.on('error', () => {})
    if (this.#child.pid !== undefined) rememberPid(folder, this.#child.pid)
    this.exited = new Promise((resolve) => {
      const end = () => {
        this.#isGone = true
        resolve()
      }
      this.#child.once('exit', end)
      this.#child.once('error', (error) => {
        this.#startError = error
        if (this.#child.pid === undefined) end()
      })
    })
  }

  /** Waits until it answers; if it does not, or must not any more, it is ended. */
  async ready(signal: AbortSignal): Promise<BrokerLife> {
    const { amqp, management } = this.#ports
    const { folder } = this.#options
    const managementUrl = `http://guest:guest@127.0.0.1:${management}`
    const over = new AbortController()
    void this.exited.then(() => over.abort(this.#endError()))
    const late = setTimeout(() => over.abort(this.#lateError()), startTimeoutMs)
    try {
      const version = await untilReady(amqp, managementUrl, AbortSignal.any([signal, over.signal]))
      rememberVersion(folder, version)
      return {
        url: `amqp://guest:guest@127.0.0.1:${amqp}`,
        managementUrl,
        description: `rabbitmq-server ${version}, private, 127.0.0.1:${amqp}`,
        exited: this.exited,
        stop: () => this.stop(),
      }
    } catch (error) {
      await this.stop()
      throw error
    } finally {
      clearTimeout(late)
    }
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end()
    if (await this.#endsWithin(stopTimeoutMs)) return
    this.#child.kill('SIGTERM')
    if (await this.#endsWithin(termTimeoutMs)) return
    this.#child.kill('SIGKILL')
    await this.exited
  }

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    const late = new AbortController()
    await Promise.race([this.exited, delay(timeoutMs, undefined, { signal: late.signal }).catch(() => {})])
    late.abort()
    return this.#isGone
  }

  #endError(): Error {
    const { server, folder } = this.#options
    if (this.#startError) return new Error(`${server.script} cannot be run: ${this.#startError.message}`)
    const output = lastLines(outputPathOf(folder))
    const { exitCode, signalCode } = this.#child
    const what = signalCode ? `was ended by ${signalCode}` : `ended with exit code ${exitCode}`
    const message = `the broker (${server.script}) ${what} while it started${dataHint(folder)}:${output}${lastLines(logPathOf(folder))}`
    return /eaddrinuse/.test(message) ? new PortTakenError(message) : new Error(message)
  }

  #lateError(): Error {
    const { server, folder } = this.#options
    const seconds = startTimeoutMs / 1000
    return new Error(`the broker (${server.script}) did not answer within ${seconds} s:${lastLines(logPathOf(folder))}`)
  }
}

const versionPathOf = (folder: string): string => join(folder, 'version')
const rememberVersion = (folder: string, version: string): void => writeFileSync(versionPathOf(folder), `${version}\n`)

/** Data of another version are the likeliest reason for a server that worked elsewhere: upgrades may not skip versions. */
function dataHint(folder: string): string {
  try {
    const version = readFileSync(versionPathOf(folder), 'utf8').trim()
    return ` (its data were last used by ${version}; if it is another version now, delete ${folder} to begin with empty queues)`
  } catch {
    return ''
  }
}
