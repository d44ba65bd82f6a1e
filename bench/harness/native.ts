import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** Programs in C, each as its path or null where it cannot be built. */
export interface Native {
  readonly publish: string | null
  readonly consume: string | null
  /** To be loaded before a process's own libraries (LD_PRELOAD). */
  readonly slowSync: string | null
  readonly skipped: readonly string[]
}

const sources = join(import.meta.dirname, '..', 'native')

export function buildNative(folder: string, say: (line: string) => void): Native {
  mkdirSync(folder, { recursive: true })
  const skipped: string[] = []
  const compile = (name: string, args: readonly string[], target: string): string | null => {
    const path = join(folder, target)
    const run = spawnSync('cc', ['-O2', '-o', path, join(sources, `${name}.c`), ...args], { encoding: 'utf8' })
    if (run.status === 0) return path
    const [reason = 'there is no C compiler'] = (run.stderr ?? '')
      .split('\n')
      .filter((line) => /error|cannot find/.test(line))
    const advice = `bench/native/${name}.c does not compile (${reason.trim()}): apt-get install -y gcc librabbitmq-dev`
    say(`skipped: ${advice}`)
    skipped.push(advice)
    return null
  }
  return {
    publish: compile('publish', ['-lrabbitmq'], 'publish'),
    consume: compile('consume', ['-lrabbitmq'], 'consume'),
    slowSync: compile('slow-sync', ['-shared', '-fPIC', '-ldl'], 'slow-sync.so'),
    skipped,
  }
}
