import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe } from '../runtime/core/errors.ts'
import { bundleFunctions, restBundler } from '../tooling/bundle.ts'
import { discoverFunctions, type FunctionFacts, inspectFunctions } from '../tooling/functions.ts'
import type { Plan } from './plan.ts'

/** A run that goes on has handlers that a person can slow down. */
export const slowedBy = { module: 'dev/slowed.ts', name: 'slowed' }

export interface RebuildOptions {
  readonly root: string
  readonly dist: string
  readonly plans: readonly Plan[]
  /** How functions would run now. */
  replan(facts: readonly FunctionFacts[]): readonly Plan[]
  /** Starts new processes of the bundle as it is, and drains those of the one before. */
  roll(name: string): void
  say(line: string): void
  warn(line: string): void
}

/** Bundles edited functions again and rolls them. What cannot be built, or is planned once for a run, leaves all as it is. */
export class Rebuilder {
  readonly #options: RebuildOptions
  #last: Promise<void> = Promise.resolve()

  constructor(options: RebuildOptions) {
    this.#options = options
  }

  /** One after the other: an edit that comes meanwhile has its own turn. */
  rebuild(names: readonly string[]): Promise<void> {
    this.#last = this.#last.then(async () => {
      for (const name of names) {
        await this.#rebuild(name).catch((error: unknown) => {
          this.#options.warn(`${name} goes on as it was, its edit cannot be built:\n${describe(error)}`)
        })
      }
      await restBundler()
    })
    return this.#last
  }

  async #rebuild(name: string): Promise<void> {
    const { root, dist, plans, replan, roll, say, warn } = this.#options
    const plan = plans.find((one) => one.name === name)
    if (!plan) {
      say(`functions/${name} takes part from the next npm start on`)
      return
    }
    const now = replan(await inspectFunctions(root, discoverFunctions(root))).find((one) => one.name === name)
    const changes = differences(plan, now)
    if (changes.length > 0) {
      warn(`${name} goes on as it was: ${changes.join(' and ')} changed, which takes a new npm start`)
      return
    }
    const path = join(dist, name, 'function.cjs')
    const before = await readFile(path)
    await bundleFunctions({ root, outDir: dist, names: [name], through: slowedBy })
    if (before.equals(await readFile(path))) return
    say(`${name} was edited: new processes start, old ones drain`)
    roll(name)
  }
}

/** What of a plan is not the same any more, in the words of its keys. */
function differences(before: Plan, now: Plan | undefined): readonly string[] {
  if (!now) return ['what it needs to run']
  const keys = Object.keys(before) as (keyof Plan)[]
  return keys.filter((key) => !isDeepStrictEqual(before[key], now[key]))
}
