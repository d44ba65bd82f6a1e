import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { metaNameOf, telemetryFiles } from '../telemetry-bundle.ts'
import { type Architecture, libPackages, libsSuite, packageLock } from './sources.ts'

export interface SbomOptions {
  readonly root: string
  readonly name: string
  readonly version: string
  readonly architectures: readonly Architecture[]
  readonly nodeVersion: string
  /** What the bundler read: the keys of `inputs` in its `meta.json`. */
  readonly bundledPaths: readonly string[]
}

/** The paths that a bundle and the telemetry beside it are made of, as the bundler noted them. */
export function bundledPaths(functionDir: string): readonly string[] {
  return ['meta.json', ...Object.keys(telemetryFiles).map(metaNameOf)]
    .map((name) => join(functionDir, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => Object.keys((JSON.parse(readFileSync(path, 'utf8')) as { inputs: object }).inputs))
}

/**
 * What an image is made of, as CycloneDX 1.6: the npm packages of the lock file that are no tools (`excluded` if this
 * function's bundle holds nothing of them), Node with the libraries built into it, and Debian's shared libraries.
 */
export function sbomOf(options: SbomOptions): string {
  const { name, version } = options
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'container',
        'bom-ref': `kedafn/${name}`,
        name: `kedafn/${name}`,
        version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
      },
    },
    components: [...npmComponents(options), nodeComponent(options), ...options.architectures.flatMap(libComponents)],
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function npmComponents({ root, bundledPaths }: SbomOptions): readonly object[] {
  return Object.entries(packageLock(root).packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path, { version, integrity, license }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
      return {
        type: 'library',
        'bom-ref': `${purl}#${path}`,
        name,
        version,
        purl,
        scope: bundledPaths.some((input) => input.startsWith(`${path}/`)) ? 'required' : 'excluded',
        ...(license ? { licenses: [{ license: { name: license } }] } : {}),
        ...(integrity?.startsWith('sha512-')
          ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice(7), 'base64').toString('hex') }] }
          : {}),
      }
    })
}

/** n.b. This runs in the pinned Node, of the very version that goes into the image. */
function nodeComponent({ nodeVersion }: SbomOptions): object {
  const parts = Object.entries(process.versions).filter(
    ([part]) => !['node', 'modules', 'napi', 'unicode'].includes(part),
  )
  return {
    type: 'application',
    'bom-ref': `node@${nodeVersion}`,
    name: 'node',
    version: nodeVersion,
    purl: `pkg:generic/node@${nodeVersion}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${nodeVersion}:*:*:*:*:*:*:*`,
    scope: 'required',
    licenses: [{ license: { id: 'MIT' } }],
    components: parts.map(([part, partVersion]) => ({
      type: 'library',
      'bom-ref': `node@${nodeVersion}/${part}`,
      name: part,
      version: partVersion,
    })),
  }
}

const libComponents = (architecture: Architecture): readonly object[] =>
  libPackages(architecture).map(({ name, version, sha256 }) => {
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`
    return {
      type: 'library',
      'bom-ref': purl,
      name,
      version,
      purl,
      scope: 'required',
      description: libsSuite,
      hashes: [{ alg: 'SHA-256', content: sha256 }],
    }
  })
