import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const modelPath = fileURLToPath(new URL('settle.pml', import.meta.url))

export interface Search {
  readonly lines: number
  readonly troubles: number
  readonly concurrent?: boolean
  /** One of the ways to get it wrong that the model names. @default none */
  readonly wrong?: string
  /**
   * `all` visits every state. `shortest` stops at the violation that takes the fewest steps. `cycles` visits every state and
   * looks for a run that never ends.
   */
  readonly kind: 'all' | 'shortest' | 'cycles'
}

export interface Found {
  /** The claim that is violated, in the model's words; null if all of them hold. */
  readonly violated: string | null
  /** How many states the search visited. */
  readonly states: number
  /** The steps up to the violation. */
  readonly story: readonly string[]
}

export const endlessRun = 'a run never ends'

const howToInstall = 'apt-get install -y spin gcc (Debian), brew install spin (macOS)'

/** What is missing to check the model and how to install it, or null. */
export function missingTools(): string | null {
  const missing = [
    ['spin', '-V'],
    ['cc', '--version'],
  ].filter(([tool = '', option = '']) => spawnSync(tool, [option], { stdio: 'ignore' }).status !== 0)
  if (missing.length === 0) return null
  return `the model checker needs ${missing.map(([tool]) => tool).join(' and ')}: ${howToInstall}`
}

/** How the checker is compiled, and how it is run. */
const kinds = {
  all: { compile: ['-O2', '-DSAFETY', '-DCOLLAPSE'], run: ['-m10000'] },
  shortest: { compile: ['-O0', '-DSAFETY', '-DCOLLAPSE', '-DBFS'], run: ['-w16'] },
  cycles: { compile: ['-O1', '-DCOLLAPSE', '-DNP'], run: ['-m10000', '-l'] },
} as const

/** Far more than any search takes, in ms. */
const timeoutMs = 600_000

/**
 * Searches the model in a temporary folder.
 * @throws Error if a tool fails, or the search ends neither complete nor with a violation
 */
export function search(what: Search): Found {
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-model-'))
  const run = (command: string, ...args: readonly string[]): string => {
    const { status, stdout, stderr, error } = spawnSync(command, args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    })
    if (status === 0) return stdout
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stdout}${stderr}`)
  }
  try {
    copyFileSync(modelPath, join(folder, 'settle.pml'))
    const flags = [
      `-DLINES=${what.lines}`,
      `-DTROUBLES=${what.troubles}`,
      `-DCONCURRENT=${what.concurrent ? 1 : 0}`,
      `-DWRONG=${what.wrong ?? 0}`,
      ...(what.kind === 'shortest' ? ['-DBREADTH_FIRST'] : []),
    ]
    const kind = kinds[what.kind]
    run('spin', ...flags, '-a', 'settle.pml')
    run('cc', '-w', ...kind.compile, '-o', 'pan', 'pan.c')
    const report = run(join(folder, 'pan'), ...kind.run)
    const states = Number(/^\s*([\d.e+]+) states, stored/m.exec(report)?.[1])
    if (existsSync(join(folder, 'settle.pml.trail'))) {
      const story = storyOf(run('spin', ...flags, '-T', '-k', 'settle.pml.trail', 'settle.pml'))
      return { violated: claimOf(report, story), states, story }
    }
    const complete = report.includes('errors: 0') && !/Search not completed|max search depth too small/.test(report)
    if (!complete || !Number.isInteger(states)) throw new Error(`the search is not complete\n${report}`)
    return { violated: null, states, story: [] }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const violation = 'VIOLATED: '

/** What the model says on the way; `spin` adds words of its own, and the variables at the end. */
function storyOf(replay: string): string[] {
  const lines = replay.split('\n').map((line) => line.trim())
  const end = lines.findIndex((line) => line.startsWith('#processes'))
  return lines
    .slice(0, end === -1 ? undefined : end)
    .filter((line) => line !== '' && !line.startsWith('spin:'))
    .map((line) => (line.includes('START OF CYCLE') ? 'and for ever:' : line))
}

function claimOf(report: string, story: readonly string[]): string {
  if (report.includes('non-progress cycle (')) return endlessRun
  const said = story.findLast((line) => line.startsWith(violation))
  // What the model does not say itself is an assertion on the model, such as on the room in a queue.
  return said?.slice(violation.length) ?? /^pan:1: .*$/m.exec(report)?.[0] ?? 'an unknown claim'
}
