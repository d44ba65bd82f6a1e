import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Environment } from '../runtime/core/config.ts'
import type { Listeners } from './broker/configuration.ts'
import { installPackage, isDebian, rabbitServer } from './broker/debian-package.ts'
import { hasDocker, startDockerBroker } from './broker/docker.ts'
import { type BrokerHandle, foreignBroker } from './broker/handle.ts'
import { startPrivateBroker } from './broker/private-broker.ts'
import { findServer, type RabbitServer } from './broker/server-search.ts'
import { accessOf, namesBroker, readText, shownAddresses } from './broker-access.ts'

export type { BrokerHandle } from './broker/handle.ts'

export interface BrokerOptions {
  /** The broker's files go into its folder `broker/`. */
  readonly stateDir: string
  readonly env: Environment
  /** Gets what a person should know while waiting, a line each. */
  readonly say: (line: string) => void
  /** Gives it up. Nothing that was started is left; a package that is being installed is finished first. */
  readonly signal?: AbortSignal
  /** Begin with no queues and no messages, whatever an earlier broker of this folder held. @default false */
  readonly fresh?: boolean
  /** What a private broker listens to as well. */
  readonly listeners?: Listeners
}

/** Provisioning by the first way that this machine allows. */
export type BrokerChoice = 'address' | 'private' | 'debian-package' | 'docker' | 'none'

export interface Machine {
  readonly platform: NodeJS.Platform
  readonly isRoot: boolean
  /** Debian or what descends from it. */
  readonly isDebian: boolean
  readonly server: RabbitServer | null
  hasDocker(): Promise<boolean>
}

/**
 * Provides a broker: the one of `AMQP_URL` or `AMQP_URL_FILE`; else a private one from the machine's `rabbitmq-server`, which on Debian as root is
 * installed first; else one in Docker. A broker that the machine runs already is never touched.
 * @throws FnError if its settings are wrong; UsageError if another process runs the broker of this folder; Error that says what to
 * type if there is no way; the signal's reason
 */
export async function provideBroker(options: BrokerOptions): Promise<BrokerHandle> {
  const { env, say, signal, fresh = false } = options
  signal?.throwIfAborted()
  const folder = join(resolve(options.stateDir), 'broker')
  const machine = inspectMachine(env, signal)
  const choice = await chooseBroker(env, machine)
  signal?.throwIfAborted()
  if (choice !== 'address' && choice !== 'none') mkdirSync(folder, { recursive: true, mode: 0o700 })
  switch (choice) {
    case 'address':
      return namedBroker(env)
    case 'docker':
      return startDockerBroker({ folder, env, say, signal, fresh })
    case 'none':
      throw new Error(adviceFor(machine))
    default: {
      const server = machine.server ?? (await installedServer({ ...options, folder }))
      return startPrivateBroker({ server, folder, env, say, signal, fresh, listeners: options.listeners })
    }
  }
}

/** Which way it is. Docker is asked only if nothing else will do: that may take seconds. */
export async function chooseBroker(env: Environment, machine: Machine): Promise<BrokerChoice> {
  if (namesBroker(env)) return 'address'
  if (machine.server) return 'private'
  if (machine.isDebian && machine.isRoot) return 'debian-package'
  return (await machine.hasDocker()) ? 'docker' : 'none'
}

const installByPlatform: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'brew install rabbitmq',
  freebsd: 'sudo pkg install rabbitmq',
}

/** What to type on a machine where there is no way to a broker, in one line. */
export function adviceFor({ platform, isDebian }: Pick<Machine, 'platform' | 'isDebian'>): string {
  const other = 'or set AMQP_URL to one that runs (AMQP_URL=amqp://user:password@host:5672)'
  if (isDebian) {
    return `there is no RabbitMQ here. Type  sudo apt-get update && sudo apt-get install -y rabbitmq-server  and start again, ${other}`
  }
  const command = installByPlatform[platform]
  if (command) return `there is no RabbitMQ here. Type  ${command}  and start again, ${other}`
  return `there is no RabbitMQ here. Install rabbitmq-server with this system's package manager or start Docker, then start again, ${other}`
}

function inspectMachine(env: Environment, signal: AbortSignal | undefined): Machine {
  const { platform } = process
  return {
    platform,
    isRoot: process.getuid?.() === 0,
    isDebian: isDebian(env),
    server: platform === 'win32' ? null : findServer(env),
    hasDocker: () => hasDocker(env, signal),
  }
}

async function installedServer(options: BrokerOptions & { folder: string }): Promise<RabbitServer> {
  const { env, say, signal, folder } = options
  await installPackage({ wanted: rabbitServer, env, say, signal, logPath: join(folder, 'install.log') })
  const server = findServer(env)
  if (!server) throw new Error('rabbitmq-server was installed but is not found; set AMQP_URL to a broker that runs')
  return server
}

function namedBroker(env: Environment): BrokerHandle {
  const shown = shownAddresses(accessOf(env).now())
  const { AMQP_URL: url, AMQP_URL_FILE: path } = env
  return url
    ? foreignBroker(url, `${shown} (AMQP_URL)`)
    : foreignBroker(readText(path ?? '').trim(), `${shown} (AMQP_URL_FILE)`)
}
