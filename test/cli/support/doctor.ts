import { join } from 'node:path'
import { diagnose } from '../../../cli/doctor/diagnose.ts'
import type { Diagnosis } from '../../../cli/doctor/finding.ts'
import { gather, readSpecs, type Scope } from '../../../cli/doctor/gather/gather.ts'
import { Kubectl } from '../../../cli/doctor/gather/kubectl.ts'
import { plansOf, wantedOf } from '../../../cli/topology/wanted.ts'
import { discoverFunctions, inspectFunctions } from '../../../tooling/functions.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const readHere = readSpecs({ root, env: {} })
const signal = new AbortController().signal

/** This repository and a broker, without a cluster. */
export const scopeOf = (env: Scope['env'], changes: Partial<Scope> = {}): Scope => ({
  root,
  env,
  now: Date.now,
  signal,
  kubectl: new Kubectl({ command: 'kubectl', context: undefined, signal }),
  namespace: 'kedafn',
  cluster: false,
  overlay: null,
  ...changes,
})

/** What doctor finds, its second look without a pause. */
export async function examine(
  scope: Scope,
  between: () => Promise<unknown> = async () => {},
): Promise<readonly Diagnosis[]> {
  const specs = await readHere
  const { facts } = await gather(scope, specs)
  return diagnose(facts, async () => {
    await between()
    return (await gather(scope, specs)).facts
  })
}

/** What is wrong, notes left out: which check found it, and in what. */
export const named = (findings: readonly Diagnosis[]): readonly string[] =>
  findings.filter(({ severity }) => severity !== 'note').map(({ check, subject }) => `${check}: ${subject}`)

/** What the functions of this repository that run without further values want. */
export async function wantedHere() {
  const facts = await inspectFunctions(root, discoverFunctions(root, ['log-consumer', 'log-producer']))
  return wantedOf(plansOf(facts, 'file'))
}
