import { join } from 'node:path'
import { requiredVariables } from '../../runtime/core/spec.ts'
import { discoverFunctions, type FunctionFacts, inspectFunctions } from '../../tooling/functions.ts'
import type { Positional } from '../command.ts'
import { plansOf } from './wanted.ts'

const root = join(import.meta.dirname, '..', '..')

/** Which functions a command is about. */
export const positionals: readonly Positional[] = [
  {
    name: 'FUNCTION',
    description: 'only what these functions want; else all but those that need values from you first',
    optional: true,
    many: true,
  },
]
export const checkpointOption = {
  type: 'text',
  name: 'checkpoint',
  placeholder: 'PLACE',
  choices: ['file', 'broker'],
  default: 'file',
  env: 'KEDAFN_CHECKPOINT',
  description: 'where producers keep their checkpoints; in the broker that takes a queue each',
} as const

interface Asked {
  readonly arguments: readonly string[]
  readonly options: { readonly checkpoint: string }
}

/** n.b. A function that nobody has given its values does not run: a queue of it would fill up. It has to be named. */
export async function specsOf(names: readonly string[]): Promise<readonly FunctionFacts[]> {
  const facts = await inspectFunctions(root, discoverFunctions(root, names))
  return names.length > 0 ? facts : facts.filter(({ spec }) => requiredVariables(spec).length === 0)
}

export const plansFor = async ({ arguments: names, options }: Asked) =>
  plansOf(await specsOf(names), options.checkpoint === 'broker' ? 'broker' : 'file')
