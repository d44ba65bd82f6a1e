import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { brokerVariables, managementVariables } from '../broker/reach.ts'
import { defineCommand, exitCode, type Io } from '../command.ts'
import { checks } from '../doctor/checks/index.ts'
import { diagnose } from '../doctor/diagnose.ts'
import { gather, readSpecs, type Scope } from '../doctor/gather/gather.ts'
import { Kubectl } from '../doctor/gather/kubectl.ts'
import { type Report, reportText } from '../doctor/report.ts'
import { writeJson } from '../output/json.ts'
import { table } from '../output/table.ts'

const root = join(import.meta.dirname, '..', '..')

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'say what is wrong with the functions, the broker and the cluster, why, and what mends it',
  description:
    'It reads the specs and the rendered manifests, asks the broker and, if kubectl reaches one, the cluster, and changes nothing. ' +
    'What may be a passing state is looked at twice. Notes are worth knowing, and no findings.',
  reads: true,
  options: [
    {
      type: 'text',
      name: 'namespace',
      short: 'n',
      placeholder: 'NAME',
      default: 'kedafn',
      description: 'the namespace of the functions',
    },
    { type: 'text', name: 'context', placeholder: 'NAME', description: 'the context of the kubeconfig' },
    { type: 'flag', name: 'no-cluster', description: 'look at no cluster' },
    {
      type: 'text',
      name: 'manifests',
      placeholder: 'FOLDER',
      description: 'a kustomization to check, rendered with kubectl, instead of manifests/base and keda/base',
    },
    {
      type: 'number',
      name: 'patience',
      placeholder: 'SECONDS',
      min: 0,
      max: 600,
      default: 15,
      description: 'how long to wait before the second look',
    },
    { type: 'flag', name: 'list', description: 'list what is looked for, and look at nothing' },
  ],
  variables: [
    ...brokerVariables,
    ...managementVariables,
    {
      name: 'KEDAFN_CHECKPOINT',
      description: 'broker: producers keep their checkpoints in queues, which are looked for too',
    },
    { name: 'KUBECTL', description: 'kubectl, if it is not on PATH' },
  ],
  exitCodes: { 3: 'something is wrong', 130: 'interrupted' },
  examples: [
    { command: 'kedafn doctor', does: 'functions, manifests, broker and cluster' },
    { command: 'kedafn doctor --namespace shop --context production', does: 'those of another namespace and cluster' },
    {
      command: 'kedafn doctor --no-cluster --manifests manifests/overlays/k3d',
      does: 'an overlay before it is applied',
    },
    { command: "kedafn doctor --json | jq -r '.findings[] | .check, .mend[]'", does: 'for a script' },
  ],
  async run({ options, io }) {
    if (options.list) {
      await listChecks(io, options.json)
      return exitCode.done
    }
    try {
      const report = await examine(scopeOf(options, io), options.patience, io)
      const [wrong, notes] = [true, false].map((want) =>
        report.findings.filter(({ severity }) => (severity !== 'note') === want),
      )
      if (options.json) await writeJson(io.stdout, { findings: wrong, notes, left: report.left, checks: checks.length })
      else await io.stdout.write(reportText(report, io.width))
      return wrong?.length === 0 ? exitCode.done : exitCode.found
    } catch (error) {
      if (io.signal.aborted) return exitCode.interrupted
      throw error
    }
  },
})

async function examine(scope: Scope, patience: number, { stderr, signal }: Io): Promise<Report> {
  const specs = await readSpecs(scope)
  const look = await gather(scope, specs)
  let { left } = look
  const findings = await diagnose(look.facts, async () => {
    if (patience > 0) await stderr.write(`Something may pass: a second look in ${patience} s.\n`)
    await delay(patience * 1000, undefined, { signal })
    const again = await gather(scope, specs)
    left = again.left
    return again.facts
  })
  return { findings, checks: checks.length, left }
}

function listChecks({ stdout }: Io, asJson: boolean): Promise<void> {
  const rows = checks.map(({ id, title }) => [id, title])
  if (asJson) {
    return writeJson(
      stdout,
      checks.map(({ id, title }) => ({ check: id, title })),
    )
  }
  return stdout.write(table([{ title: 'CHECK' }, { title: 'LOOKS FOR', flexible: true }], rows, null))
}

interface Options {
  readonly namespace: string
  readonly context: string | undefined
  readonly 'no-cluster': boolean
  readonly manifests: string | undefined
}

function scopeOf(options: Options, { env, signal, now, cwd }: Io): Scope {
  const { namespace, context, manifests: shown } = options
  return {
    root,
    env,
    now,
    signal,
    kubectl: new Kubectl({ command: env.KUBECTL || 'kubectl', context, signal }),
    namespace,
    cluster: !options['no-cluster'],
    overlay: shown === undefined ? null : { folder: resolve(cwd, shown), shown },
  }
}
