import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Environment } from '../../runtime/core/config.ts'
import { runCommand } from './command.ts'
import { type BrokerLife, type Launch, OwnedBroker } from './handle.ts'
import { choosePorts, type Ports } from './ports.ts'
import { untilReady } from './readiness.ts'

const image = 'rabbitmq:4-management'
const infoTimeoutMs = 10_000
const startTimeoutMs = 90_000
const stopTimeoutS = 20

export interface DockerOptions {
  /** Holds the ports; the data are in a volume of Docker's, whose files another user owns. */
  readonly folder: string
  readonly env: Environment
  readonly say: (line: string) => void
  readonly signal: AbortSignal | undefined
  readonly fresh: boolean
}

/** True if a Docker daemon answers: the client alone is no use. */
export async function hasDocker(env: Environment, signal?: AbortSignal): Promise<boolean> {
  const options = { env, timeoutMs: infoTimeoutMs, ...(signal ? { signal } : {}) }
  return (await runCommand('docker', ['info', '--format', '{{.ServerVersion}}'], options)).code === 0
}

/** Starts a broker in a container whose ports are published on 127.0.0.1 only. @throws Error with what Docker says */
export async function startDockerBroker(options: DockerOptions): Promise<OwnedBroker> {
  const broker = new OwnedBroker(options.folder, launcher(options))
  await broker.start(options.signal)
  return broker
}

function launcher({ folder, env, say, fresh }: DockerOptions): Launch {
  const name = `kedafn-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`
  let ports: Ports | null = null
  return async (signal) => {
    // The container of a run that was killed: the name says that it is of this folder, and the lock that nobody uses it.
    await runCommand('docker', ['rm', '--force', name], { env })
    if (fresh && !ports) await runCommand('docker', ['volume', 'rm', '--force', name], { env })
    signal.throwIfAborted()
    ports ??= await choosePorts(join(folder, 'ports.json'))
    say(`starting ${image} in Docker; the first time it is downloaded`)
    const started = await runCommand('docker', runArguments(name, ports), { env, signal })
    const id = started.stdout.split('\n').at(-1) ?? ''
    if (started.code !== 0) {
      await runCommand('docker', ['rm', '--force', name], { env })
      signal.throwIfAborted()
      throw new Error(`docker run ${image} failed: ${started.stderr}`)
    }
    return readyContainer(id, ports, env, signal)
  }
}

/** n.b. The node's data are kept under its name, which holds the host's name: so that is the same each time. */
const runArguments = (name: string, { amqp, management }: Ports): string[] => [
  ...['run', '--detach', '--rm', '--name', name, '--hostname', 'kedafn'],
  ...['--publish', `127.0.0.1:${amqp}:5672`, '--publish', `127.0.0.1:${management}:15672`],
  ...['--volume', `${name}:/var/lib/rabbitmq`, image],
]

async function readyContainer(
  id: string,
  { amqp, management }: Ports,
  env: Environment,
  signal: AbortSignal,
): Promise<BrokerLife> {
  const managementUrl = `http://guest:guest@127.0.0.1:${management}`
  const stop = async () => {
    await runCommand('docker', ['stop', '--time', String(stopTimeoutS), id], { env })
  }
  const exited = runCommand('docker', ['wait', id], { env, detached: true }).then(() => {})
  const over = new AbortController()
  void exited.then(() => over.abort(new Error(`the container ended while it started; see  docker run ${image}`)))
  const late = setTimeout(() => over.abort(lateError(id)), startTimeoutMs)
  try {
    const version = await untilReady(amqp, managementUrl, AbortSignal.any([signal, over.signal]))
    const description = `RabbitMQ ${version}, in Docker, 127.0.0.1:${amqp}`
    return { url: `amqp://guest:guest@127.0.0.1:${amqp}`, managementUrl, description, exited, stop }
  } catch (error) {
    await stop()
    throw error
  } finally {
    clearTimeout(late)
  }
}

const lateError = (id: string): Error =>
  new Error(
    `the broker in Docker did not answer within ${startTimeoutMs / 1000} s; see  docker logs ${id.slice(0, 12)}`,
  )
