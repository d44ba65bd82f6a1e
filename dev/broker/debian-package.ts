import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../../runtime/core/config.ts'
import { executables, lastLines, pathFolders, runCommand } from './command.ts'

/** A package of Debian, and how a person is told of it. */
export interface DebianPackage {
  readonly name: string
  /** What is missing without it. */
  readonly title: string
  /** What it brings that must not start, now or at the next boot. */
  readonly units: readonly string[]
  /** What else helps, if it cannot be installed. */
  readonly otherwise: string
}

export const rabbitServer: DebianPackage = {
  name: 'rabbitmq-server',
  title: 'RabbitMQ',
  units: ['rabbitmq-server.service', 'epmd.service', 'epmd.socket'],
  otherwise: 'set AMQP_URL to a broker that runs',
}

/** The places of a Debian system that matter here. */
export interface DebianPlaces {
  /** Debian asks this script, if there is one, whether a package may start its service. */
  readonly policyPath: string
  /** Exists while systemd is the init system. */
  readonly systemdPath: string
  /** Where packages put their units. */
  readonly unitsFolder: string
}

export interface PackageOptions {
  readonly wanted: DebianPackage
  readonly env: Environment
  /** Gets what apt prints. */
  readonly logPath: string
  readonly say: (line: string) => void
  readonly signal: AbortSignal | undefined
  readonly places?: DebianPlaces
}

const debian: DebianPlaces = {
  policyPath: '/usr/sbin/policy-rc.d',
  systemdPath: '/run/systemd/system',
  unitsFolder: '/usr/lib/systemd/system',
}

const aptArguments = ['-y', '-q', '-o', 'DPkg::Lock::Timeout=120']
const installArguments = ['install', ...aptArguments, '--no-install-recommends']
const mark = 'kedafn'

/**
 * Forbids services to start, runs apt-get and allows them again. The shell does all three, so that it is finished even if the
 * process that asked for it is gone by then: a policy left behind would keep every service of later packages from starting.
 */
const installScript = `
trap '' HUP INT TERM
policy=$1; name=$2; shift 2
if [ -n "$policy" ]; then
  printf '#!/bin/sh\\n# ${mark}: while %s is installed no service starts; delete this file if that is over\\nexit 101\\n' "$name" > "$policy"
  chmod 755 "$policy"
fi
apt-get "$@"
code=$?
if [ -n "$policy" ]; then rm -f "$policy"; fi
exit $code
`

/** True on Debian and what descends from it, for who may install there. */
export const canInstall = (env: Environment): boolean => process.getuid?.() === 0 && isDebian(env)

export const isDebian = (env: Environment): boolean =>
  existsSync('/etc/debian_version') && executables('apt-get', pathFolders(env)).length > 0

/**
 * Installs a package of Debian without starting its service, now or at the next boot. apt itself is not interrupted: that would leave
 * a half-configured package.
 * @throws Error with the last lines of apt's log; the signal's reason, then once apt has ended
 */
export async function installPackage(options: PackageOptions): Promise<void> {
  const { wanted, env, logPath, say, signal, places = debian } = options
  const { name, title, units } = wanted
  const quietly = units.length > 0 ? ', without starting its service' : ''
  say(`${title} is missing: installing Debian's package ${name}${quietly} (log: ${logPath})`)
  const aptEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
  await download({ ...options, env: aptEnv })
  const known = new Set(units.filter((unit) => existsSync(join(places.unitsFolder, unit))))
  const policy = isFree(places.policyPath) ? places.policyPath : ''
  const script = ['-c', installScript, 'sh', policy, name, ...installArguments, name]
  const { code } = await runCommand('sh', script, { env: aptEnv, logPath, detached: true })
  if (code !== 0) throw installError(wanted, logPath)
  const fresh = units.filter((unit) => !known.has(unit))
  if (units.length > 0) await disable(name, fresh, places, { env: aptEnv, logPath })
  signal?.throwIfAborted()
}

/** Package lists may be missing or old: they are fetched only if it does not work without. */
async function download({ wanted, env, logPath, signal }: PackageOptions): Promise<void> {
  const apt = (...args: string[]) => runCommand('apt-get', args, { env, logPath, ...(signal ? { signal } : {}) })
  const fetchPackages = () => apt(...installArguments, '--download-only', wanted.name)
  let { code } = await fetchPackages()
  signal?.throwIfAborted()
  if (code !== 0) {
    await apt('update', '-q')
    signal?.throwIfAborted()
    code = (await fetchPackages()).code
    signal?.throwIfAborted()
  }
  if (code !== 0) throw installError(wanted, logPath)
}

/** True if there is no policy, or one that an installation of ours could not take away because the machine went down. */
function isFree(policyPath: string): boolean {
  try {
    return readFileSync(policyPath, 'utf8').includes(`# ${mark}:`)
  } catch {
    return true
  }
}

type Running = Pick<PackageOptions, 'env' | 'logPath'>

async function disable(name: string, fresh: readonly string[], { systemdPath }: DebianPlaces, running: Running) {
  const [command, args] = existsSync(systemdPath)
    ? ['systemctl', ['disable', '--now', ...fresh]]
    : ['update-rc.d', [name, 'disable']]
  await runCommand(command, args, running)
}

function installError({ name, otherwise }: DebianPackage, logPath: string): Error {
  return new Error(
    `apt-get could not install ${name}; type  apt-get update && apt-get install ${name}  to see why, or ${otherwise} (log: ${logPath}):${lastLines(logPath)}`,
  )
}
