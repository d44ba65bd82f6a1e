import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { BuildError } from '../functions.ts'

/** What a registry is told: a name and a password, or a token that another can be had for. */
export type Credentials = { readonly user: string; readonly password: string } | { readonly identityToken: string }

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { auth?: string; identitytoken?: string }>>
  readonly credHelpers?: Readonly<Record<string, string>>
  readonly credsStore?: string
}

/** What `docker login` calls Docker's own registry. */
const dockerHubKey = 'https://index.docker.io/v1/'

/**
 * What Docker's configuration holds for a registry, looked up as Docker does: the registry's own helper, the helper of all,
 * the file itself.
 * @param env `DOCKER_CONFIG` is the folder of `config.json`; `~/.docker` by default
 * @returns null if it holds nothing: then nobody is logged in
 */
export function dockerCredentials(registry: string, env: NodeJS.ProcessEnv): Credentials | null {
  const path = join(env.DOCKER_CONFIG || join(homedir(), '.docker'), 'config.json')
  if (!existsSync(path)) return null
  let config: DockerConfig
  try {
    config = JSON.parse(readFileSync(path, 'utf8')) as DockerConfig
  } catch (error) {
    throw new BuildError(`${path} is not JSON: ${(error as Error).message}`)
  }
  const key = registry === 'docker.io' ? dockerHubKey : registry
  const helper = config.credHelpers?.[key] ?? config.credHelpers?.[registry] ?? config.credsStore
  const helped = helper ? askHelper(helper, key, env) : null
  return helped ?? readAuths(path, config, key)
}

function askHelper(helper: string, key: string, env: NodeJS.ProcessEnv): Credentials | null {
  const command = `docker-credential-${helper}`
  const { status, stdout, stderr, error } = spawnSync(command, ['get'], { input: key, env, encoding: 'utf8' })
  if (error) throw new BuildError(`${command}, which Docker's configuration names for ${key}: ${error.message}`)
  if (status !== 0) {
    // n.b. Helpers say so on stdout, in these words.
    if (/credentials not found/i.test(stdout)) return null
    throw new BuildError(`${command} has no answer for ${key}: ${(stdout || stderr).trim()}`)
  }
  let answer: { Username?: string; Secret?: string }
  try {
    answer = JSON.parse(stdout) as typeof answer
  } catch {
    throw new BuildError(`${command} answers no JSON for ${key}`)
  }
  const { Username: user = '', Secret: secret = '' } = answer
  if (secret === '') return null
  return user === '<token>' ? { identityToken: secret } : { user, password: secret }
}

function readAuths(path: string, { auths = {} }: DockerConfig, key: string): Credentials | null {
  const host = (name: string): string => name.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  const entry = auths[key] ?? Object.entries(auths).find(([name]) => host(name) === host(key))?.[1]
  if (!entry) return null
  if (entry.identitytoken) return { identityToken: entry.identitytoken }
  if (!entry.auth) return null
  const [, user, password] = /^([^:]+):(.*)$/s.exec(Buffer.from(entry.auth, 'base64').toString('utf8')) ?? []
  if (user === undefined || password === undefined) {
    throw new BuildError(`${path}: auths of ${key} is not USER:PASSWORD in base64; docker login writes it`)
  }
  return { user, password }
}
