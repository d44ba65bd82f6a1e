import { BuildError } from '../functions.ts'
import { dockerCredentials } from './credentials.ts'
import type { BuiltImage } from './images.ts'
import { topOf } from './layout.ts'
import { Repository } from './registry.ts'

export interface PushTarget {
  readonly registry: string
  /** Ends with a slash if each function's name comes behind it. */
  readonly repository: string
  /** The package's version if absent. */
  readonly tag: string | undefined
}

const form = '--push is REGISTRY/NAME[:TAG] for one function, REGISTRY/FOLDER/[:TAG] for any number'
const part = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*'
const targetPattern = new RegExp(
  // n.b. Without a dot, a port or `localhost`, what stands first is a name on Docker's registry.
  `^((?:[A-Za-z0-9-]+\\.)+[A-Za-z0-9-]+(?::\\d+)?|[A-Za-z0-9-]+:\\d+|localhost|\\[[0-9a-f:]+\\](?::\\d+)?)/(${part}(?:/${part})*/?|)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?$`,
)

/**
 * Takes `--push` apart.
 * @throws BuildError if it is no such thing, or one name for several functions
 */
export function readPushTarget(text: string, names: readonly string[]): PushTarget {
  const [, registry, repository, tag] = targetPattern.exec(text) ?? []
  if (registry === undefined || repository === undefined) throw new BuildError(`${form}, not ${JSON.stringify(text)}`)
  if (names.length > 1 && repository !== '' && !repository.endsWith('/')) {
    throw new BuildError(`${form}: ${JSON.stringify(text)} would be all of ${names.join(', ')}`)
  }
  return { registry, repository: repository === '' ? '/' : repository, tag }
}

/**
 * Sends an image to a registry: what the registry lacks, then what leads to it.
 * @returns how to pull these very bytes: `REGISTRY/NAME:TAG@DIGEST`
 */
export async function pushImage(image: BuiltImage, target: PushTarget, env: NodeJS.ProcessEnv): Promise<string> {
  const { registry, tag = image.version } = target
  const repository = target.repository.endsWith('/')
    ? `${target.repository}${image.name}`.replace(/^\//, '')
    : target.repository
  const remote = new Repository({ registry, repository, credentials: dockerCredentials(registry, env) })
  for (const { layers, config, manifest } of image.images) {
    for (const blob of [...layers, config]) await remote.putBlob(blob)
    await remote.putManifest(manifest, manifest.digest)
  }
  const top = topOf(image.images)
  await remote.putManifest(top, tag)
  return `${registry}/${repository}:${tag}@${top.digest}`
}
