import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const page = join(import.meta.dirname, '..', '..', '..', 'docs', 'howto', 'k3d.md')

/** Commands of a page that are typed together. */
export interface Step {
  readonly commands: string
  /** In a second terminal, where they run until the end. */
  readonly aside: boolean
  /** Why a test cannot run them; null if it does. */
  readonly notRun: string | null
}

/**
 * The steps of the first deployment guide, in their order. A comment in the line before says what is special of one:
 * `<!-- not run: REASON -->` or `<!-- in a second terminal -->`.
 */
export function guideSteps(text = readFileSync(page, 'utf8')): readonly Step[] {
  return [...text.matchAll(/^(?:<!-- ([^\n]+) -->\n)?```sh\n(.*?)^```$/gms)].map(([, mark, commands = '']) => {
    const aside = mark === 'in a second terminal'
    const notRun = mark?.startsWith('not run: ') ? mark.slice('not run: '.length) : null
    if (mark !== undefined && !aside && notRun === null) throw new Error(`what is <!-- ${mark} --> before a step?`)
    return { commands, aside, notRun }
  })
}

/** The image files that the guide brings onto the node. */
export const guideImages = (steps: readonly Step[]): readonly string[] =>
  steps.flatMap(({ commands }) => commands.match(/\bdist\/images\/[\w-]+\.tar\b/g) ?? [])

/** Types the steps of a page in `cwd`, one after the other, with `kedafn` of the checkout `root` on the path. @returns what each printed */
export async function typeSteps(text: string, root: string, cwd: string, own: NodeJS.ProcessEnv): Promise<string[]> {
  const env = { HOME: process.env.HOME, PATH: `${join(root, 'cli')}:${process.env.PATH}`, ...own }
  const outputs: string[] = []
  for (const { commands } of guideSteps(text)) {
    const child = spawn('sh', ['-ec', commands], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        output += part
      })
    }
    const [code] = await once(child, 'close')
    assert.equal(code, 0, `${commands}\n${output}`)
    outputs.push(output)
  }
  return outputs
}
