import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './bench.ts'
import { type CpuProfile, hottest } from './cpu-profile.ts'
import { flameGraphOf } from './flame.ts'

/** Where profiles of a row are put, and what they say in short. */
export class ProfileFolder {
  readonly path: string

  constructor(name: string) {
    this.path = join(root, '.kedafn', 'bench', 'profiles', name)
    rmSync(this.path, { recursive: true, force: true })
    mkdirSync(this.path, { recursive: true })
  }

  /** n.b. of each function the last process: those before it warmed up. */
  summary(): readonly string[] {
    const files = readdirSync(this.path).sort()
    const last = new Map(files.map((file) => [file.replace(/-\d+\.(cpuprofile|txt)$/, '.$1'), file]))
    return [...last.values()].flatMap((file) => {
      const path = join(this.path, file)
      const text = readFileSync(path, 'utf8')
      const title = `\n${relative(root, path)}`
      if (file.endsWith('.txt')) return [title, ...text.split('\n').slice(0, 16)]
      const profile = inSources(JSON.parse(text) as CpuProfile)
      const picture = path.replace('.cpuprofile', '.svg')
      writeFileSync(picture, flameGraphOf(profile, basename(file, '.cpuprofile')))
      const lines = hottest(profile, 16).map(
        ({ name, share }) => `  ${(100 * share).toFixed(1).padStart(5)} %  ${name}`,
      )
      return [`${title}, drawn in ${relative(root, picture)}; self time, idle left out`, ...lines]
    })
  }
}

/** Names and places as they stand in the sources, where a bundle's map is still there. */
function inSources(profile: CpuProfile): CpuProfile {
  const maps = new Map<string, SourceMap | null>()
  const mapOf = (url: string): SourceMap | null => {
    const known = maps.get(url)
    if (known !== undefined) return known
    const path = url.startsWith('file:') ? `${fileURLToPath(url)}.map` : ''
    const map = existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : null
    maps.set(url, map)
    return map
  }
  const nodes = profile.nodes.map((node) => {
    const { url, lineNumber, columnNumber } = node.callFrame
    const entry = mapOf(url)?.findEntry(lineNumber, columnNumber)
    if (!entry || !('originalSource' in entry)) return node
    const { originalSource, originalLine, originalColumn } = entry
    const place = { url: originalSource, lineNumber: originalLine, columnNumber: originalColumn }
    return { ...node, callFrame: { ...node.callFrame, ...place } }
  })
  return { ...profile, nodes }
}
