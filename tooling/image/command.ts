import { join } from 'node:path'
import { pinnedNodeVersion } from '../bundle.ts'
import type { Option } from '../declared-options.ts'
import { BuildError, shownPath } from '../functions.ts'
import { buildImages } from './images.ts'
import type { Compression } from './layout.ts'
import { pushImage, readPushTarget } from './push.ts'
import { type Architecture, architectures } from './sources.ts'

/** The options of `build.mjs` that are about images. */
export const imageOptions = [
  {
    name: 'image',
    type: 'flag',
    description:
      'pack each bundle into an image as well: dist/images/<name>.tar, and what is in it, <name>.cdx.json; each of the following means it too',
  },
  {
    name: 'compression',
    type: 'text',
    placeholder: 'NAME',
    description: 'gzip, which everything reads (default), or zstd, which is smaller',
  },
  {
    name: 'platform',
    type: 'text',
    placeholder: 'LIST',
    description: "linux/amd64, linux/arm64 or both with a comma; this machine's if absent",
  },
  {
    name: 'label',
    type: 'list',
    placeholder: 'KEY=VALUE',
    description: 'one more label of the image, such as org.opencontainers.image.revision=…',
  },
  {
    name: 'push',
    type: 'text',
    placeholder: 'TARGET',
    description:
      'send the images to REGISTRY/NAME[:TAG], or for several functions to REGISTRY/FOLDER/[:TAG], with the login that docker login has left; the tag is the version of package.json if absent',
  },
  {
    name: 'code-cache',
    type: 'flag',
    description: "add what V8 makes of the function, so that it starts sooner; only for this machine's architecture",
  },
] as const satisfies readonly Option[]

/** n.b. Not under `node_modules`, which `npm ci` empties. */
export const downloadDir = (root: string): string => join(root, '.kedafn', 'images', 'downloads')

export interface ImageArguments {
  readonly compression?: string | undefined
  readonly platform?: string | undefined
  readonly label?: readonly string[] | undefined
  readonly push?: string | undefined
  readonly 'code-cache'?: boolean | undefined
}

/**
 * Packs the bundles of `names` into images, and pushes them, as the arguments say.
 * @param say gets a line about each for a person
 * @returns the paths of the tars; if they were pushed, the references as well, with their digests
 * @throws BuildError with all that is wrong with the arguments, or what the registry has against it
 */
export async function packImages(
  root: string,
  names: readonly string[],
  args: ImageArguments,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const { compression, platforms, labels } = readArguments(args)
  const target = args.push === undefined ? null : readPushTarget(args.push, names)
  const built = await buildImages({
    root,
    distDir: join(root, 'dist'),
    downloadDir: downloadDir(root),
    layerDir: join(root, '.kedafn', 'images', 'layers'),
    names,
    nodeVersion: await pinnedNodeVersion(),
    architectures: platforms,
    compression,
    codeCache: args['code-cache'] === true,
    labels,
    debianMirror: env.KEDAFN_DEBIAN_MIRROR,
  })
  const results: string[] = []
  for (const image of built) {
    const { path, reference, digest, images } = image
    say(`${reference}\n  ${digest}`)
    for (const { architecture, layers } of images) {
      const bytes = layers.map(({ content }) => content.length)
      const total = bytes.reduce((sum, size) => sum + size, 0)
      say(
        `  linux/${architecture} ${megabytes(total)} (libs, Node, telemetry, function: ${bytes.map(megabytes).join(', ')})`,
      )
    }
    results.push(shownPath(path, process.cwd()))
  }
  if (target) {
    for (const image of built) results.push(await pushImage(image, target, env))
  }
  return results
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`

function readArguments({ compression = 'gzip', platform, label = [] }: ImageArguments) {
  const problems: string[] = []
  if (compression !== 'gzip' && compression !== 'zstd') {
    problems.push(`--compression is gzip or zstd, not ${JSON.stringify(compression)}`)
  }
  const machine = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64'
  const platforms = [...new Set((platform ?? machine).split(','))].map((name) => name.replace(/^linux\//, ''))
  for (const name of platforms) {
    if (!architectures.includes(name as Architecture)) {
      problems.push(`--platform is linux/amd64, linux/arm64 or both with a comma, not ${JSON.stringify(platform)}`)
    }
  }
  const labels = label.map((text) => {
    const [, key = '', value = ''] = /^([^=\s]+)=(.*)$/s.exec(text) ?? []
    if (key === '') problems.push(`--label is KEY=VALUE, not ${JSON.stringify(text)}`)
    return [key, value] as const
  })
  if (problems.length > 0) throw new BuildError(problems.join('\n'))
  return {
    compression: compression as Compression,
    platforms: platforms as Architecture[],
    labels: Object.fromEntries(labels),
  }
}
