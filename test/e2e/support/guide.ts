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
