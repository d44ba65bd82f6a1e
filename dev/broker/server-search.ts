import { existsSync, globSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Environment } from '../../runtime/core/config.ts'
import { executables, pathFolders } from './command.ts'

export interface RabbitServer {
  /** The start script itself, not a package's wrapper. */
  readonly script: string
  /** Where the script finds Erlang and the system's own commands. */
  readonly path: string
}

const script = 'rabbitmq-server'
/** Debian and RPM packages keep the real script here; what they put into `PATH` insists on root or the user rabbitmq. */
const packageFolder = '/usr/lib/rabbitmq/bin'
const systemFolders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin']
const homebrews = ['/opt/homebrew', '/usr/local']

/** The `rabbitmq-server` of this machine, or null. `PATH` comes first: it is the user's choice. */
export function findServer(env: Environment): RabbitServer | null {
  const [found] = executables(script, [...pathFolders(env), ...usualFolders()])
  if (found === undefined) return null
  // n.b. The script looks for its siblings beside the path it was called by, so that has to be the real one.
  const real = realpathSync(systemFolders.includes(dirname(found)) ? packagedScript(found) : found)
  return { script: real, path: [...pathFolders(env), ...erlangFolders(), ...systemFolders].join(':') }
}

const usualFolders = (): string[] => [
  packageFolder,
  ...systemFolders,
  ...homebrews.flatMap((home) => [join(home, 'sbin'), join(home, 'opt/rabbitmq/sbin')]),
]

function packagedScript(found: string): string {
  const packaged = join(packageFolder, script)
  return existsSync(packaged) ? packaged : found
}

/** Homebrew's Erlang, which need not be linked into `PATH`. */
const erlangFolders = (): string[] =>
  homebrews.flatMap((home) => [join(home, 'bin'), ...globSync(join(home, 'opt/erlang*/bin')).sort().reverse()])
