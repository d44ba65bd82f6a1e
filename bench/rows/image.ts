import { join } from 'node:path'
import { describe } from '../../runtime/core/errors.ts'
import { pinnedNodeVersion } from '../../tooling/bundle.ts'
import { downloadDir } from '../../tooling/image/command.ts'
import { buildImages } from '../../tooling/image/images.ts'
import { type Bench, root } from '../harness/bench.ts'
import type { Comparison, Sample } from '../harness/result.ts'
import type { Row } from '../harness/row.ts'

const names = ['log-consumer', 'log-producer']

/** How large what is shipped is, and how much of it two functions share. */
export const image: Row = {
  name: 'image',
  section: 'Size',
  title: 'Images',
  rounds: { full: 1, quick: 1 },
  async prepare(bench) {
    try {
      // What has to be downloaded is, once.
      await sizes(bench, 'gzip', false)
    } catch (error) {
      return { sides: {}, comparisons: [], skipped: [`no image can be built: ${describe(error)}`] }
    }
    return {
      sides: {
        gzip: () => sizes(bench, 'gzip', false),
        zstd: () => sizes(bench, 'zstd', false),
        'zstd cached': () => sizes(bench, 'zstd', true),
      },
      comparisons,
      notes: [
        'two functions, log-consumer and log-producer; the layers are those of the libraries, of Node and of the function',
      ],
      warmUp: false,
    }
  },
}

const comparisons: readonly Comparison[] = [
  {
    id: 'layer',
    what: "the function's layer without a code cache, zstd",
    metric: 'functionKb',
    unit: 'KB',
    of: 'zstd',
    to: null,
    better: 'lower',
    goal: 80,
  },
  {
    id: 'layer-gzip',
    what: "the function's layer without a code cache, gzip",
    metric: 'functionKb',
    unit: 'KB',
    of: 'gzip',
    to: null,
    better: 'lower',
    goal: null,
  },
  {
    id: 'cached',
    what: "the function's layer with its code cache, zstd",
    metric: 'functionKb',
    unit: 'KB',
    of: 'zstd cached',
    to: null,
    better: 'lower',
    goal: 300,
  },
  {
    id: 'zstd',
    what: 'the image, zstd',
    metric: 'imageMb',
    unit: 'MB',
    of: 'zstd cached',
    to: null,
    better: 'lower',
    goal: 33,
  },
  {
    id: 'gzip',
    what: 'the image, gzip',
    metric: 'imageMb',
    unit: 'MB',
    of: 'gzip',
    to: null,
    better: 'lower',
    goal: 46,
  },
  {
    id: 'shared',
    what: 'layers that two functions do not share, each',
    metric: 'ownLayers',
    unit: 'layers',
    of: 'zstd',
    to: null,
    better: 'lower',
    goal: 1,
  },
]

async function sizes(bench: Bench, compression: 'gzip' | 'zstd', codeCache: boolean): Promise<Sample> {
  const built = await buildImages({
    root,
    names,
    nodeVersion: await pinnedNodeVersion(),
    architectures: [process.arch === 'arm64' ? 'arm64' : 'amd64'],
    compression,
    codeCache,
    debianMirror: process.env.KEDAFN_DEBIAN_MIRROR,
    downloadDir: downloadDir(root),
    distDir: await bench.dist(),
    // Kept from run to run: to compress Node at zstd's best takes a minute.
    layerDir: join(root, '.kedafn', 'images', 'layers'),
  })
  const layers = built.map(({ images: [first] }) => first?.layers ?? [])
  const [first = [], second = []] = layers
  const bytes = first.map(({ content }) => content.length)
  return {
    functionKb: (bytes.at(-1) ?? 0) / 1000,
    imageMb: bytes.reduce((sum, size) => sum + size, 0) / 1e6,
    ownLayers: first.filter(({ digest }) => !second.some((other) => other.digest === digest)).length,
  }
}
