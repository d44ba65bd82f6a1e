import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
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
      const profile = JSON.parse(text) as CpuProfile
      const picture = path.replace('.cpuprofile', '.svg')
      writeFileSync(picture, flameGraphOf(profile, basename(file, '.cpuprofile')))
      const lines = hottest(profile, 16).map(
        ({ name, share }) => `  ${(100 * share).toFixed(1).padStart(5)} %  ${name}`,
      )
      return [`${title}, drawn in ${relative(root, picture)}; self time, idle left out`, ...lines]
    })
  }
}
