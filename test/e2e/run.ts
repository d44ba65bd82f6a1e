/**
 * npm run e2e: the scenarios on a real Kubernetes with a real KEDA, the one of KUBECONFIG. Each scenario has a namespace of
 * its own and leaves nothing behind.
 *
 *   node test/e2e/run.ts            all scenarios
 *   node test/e2e/run.ts NAME...    those whose file is test/e2e/NAME.e2e.ts
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../../dev/arguments.ts'
import { describe } from '../../runtime/core/errors.ts'
import { buildWorkshop } from './support/workshop.ts'

const folder = import.meta.dirname
/** No scenario takes longer. */
const timeoutMs = 900_000

const needs = `npm run e2e needs:
  KUBECONFIG           a cluster with KEDA, metrics-server, a default storage class and, for the scenario dashboards,
                       kube-prometheus-stack (release prometheus-operator, namespace monitoring) that scrapes KEDA
  KUBECTL              kubectl, if it is not on PATH
  KEDAFN_E2E_LOAD      the command that brings the image in the file {} onto the nodes, such as
                       "k3d image import {} -c NAME" or "ctr -n k8s.io images import {}"`

function checkEnvironment(env: NodeJS.ProcessEnv): void {
  if (!env.KUBECONFIG || !env.KEDAFN_E2E_LOAD?.includes('{}')) throw new UsageError(needs)
  const kubectl = env.KUBECTL || 'kubectl'
  const { status, stderr, error } = spawnSync(kubectl, ['get', 'crd', 'scaledobjects.keda.sh'], { encoding: 'utf8' })
  if (status !== 0) throw new UsageError(`${error?.message ?? stderr.trim()}\n${needs}`)
}

function scenarioFiles(names: readonly string[]): readonly string[] {
  if (names.length === 0)
    return globSync('*.e2e.ts', { cwd: folder })
      .sort()
      .map((file) => join(folder, file))
  return names.map((name) => {
    const path = join(folder, `${name}.e2e.ts`)
    if (!existsSync(path)) throw new UsageError(`there is no scenario ${name}`)
    return path
  })
}

async function main(): Promise<number> {
  const files = scenarioFiles(process.argv.slice(2))
  checkEnvironment(process.env)
  const workshop = await buildWorkshop(process.env.KEDAFN_E2E_LOAD ?? '')
  try {
    // One after the other: they share one small cluster, and some of them time it.
    const options = ['--test-concurrency=1', `--test-timeout=${timeoutMs}`, '--test-reporter=spec']
    const env = { ...process.env, KEDAFN_E2E_WORKSHOP: workshop.root }
    return spawnSync(process.execPath, ['--test', ...options, ...files], { stdio: 'inherit', env }).status ?? 1
  } finally {
    workshop.dispose()
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${describe(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
