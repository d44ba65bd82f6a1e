import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bench.ts'

const versions = { 'rabbitmq-client': '5.0.8', pika: '1.3.2' } as const
const folder = join(root, '.kedafn', 'bench', 'peers')
const timeoutMs = 120_000

export interface Peer {
  /** Its folder of packages, or its Python; null where it cannot be installed. */
  readonly path: string | null
  readonly version: string
  readonly reason: string
}

function run(command: string, args: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: timeoutMs })
  return status === 0 ? null : (error?.message ?? stderr.trim().split('\n').at(-1) ?? 'it failed')
}

/** By npm, into a folder of its own: it is no dependency of this repository. */
export function rabbitmqClient(): Peer {
  const version = versions['rabbitmq-client']
  const path = join(folder, `rabbitmq-client-${version}`)
  const there = existsSync(join(path, 'node_modules', 'rabbitmq-client'))
  if (!there) {
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'package.json'), '{"private":true}')
  }
  const args = ['install', '--no-audit', '--no-fund', '--prefix', path, `rabbitmq-client@${version}`]
  const failure = there ? null : run('npm', args)
  const reason = failure === null ? '' : `npm does not install rabbitmq-client ${version}: ${failure}`
  return { path: failure === null ? path : null, version: `rabbitmq-client ${version}`, reason }
}

/** By pip, into an environment of its own. */
export function pika(): Peer {
  const version = versions.pika
  const path = join(folder, `pika-${version}`)
  const python = join(path, 'bin', 'python')
  const there = existsSync(join(path, 'installed'))
  const failure = there
    ? null
    : (run('python3', ['-m', 'venv', path]) ?? run(python, ['-m', 'pip', 'install', '-q', `pika==${version}`]))
  if (failure === null) writeFileSync(join(path, 'installed'), '')
  const reason = failure === null ? '' : `pip does not install pika ${version}: ${failure}`
  return { path: failure === null ? python : null, version: `pika ${version}`, reason }
}
