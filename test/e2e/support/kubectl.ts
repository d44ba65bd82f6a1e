import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)
const kubectlPath = process.env.KUBECTL || 'kubectl'
/** Enough for the longest `wait` of a scenario. */
const timeoutMs = 300_000

/** kubectl in one namespace. */
export class Kubectl {
  readonly namespace: string

  constructor(namespace: string) {
    this.namespace = namespace
  }

  /** What the command prints. Rejects with what it says on stderr. */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await run(kubectlPath, ['-n', this.namespace, ...args], {
      maxBuffer: 2 ** 28,
      timeout: timeoutMs,
    })
    return stdout
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.run(...args, '-o', 'json')) as T
  }

  /** How many replicas a Deployment has, and how many of them are ready. */
  async replicas(deployment: string): Promise<{ readonly all: number; readonly ready: number }> {
    type Found = { readonly status: { readonly replicas?: number; readonly readyReplicas?: number } }
    const { status } = await this.json<Found>('get', 'deployment', deployment)
    return { all: status.replicas ?? 0, ready: status.readyReplicas ?? 0 }
  }

  /** Applies objects as they are. @returns what kubectl says, warnings included */
  async apply(...objects: object[]): Promise<string> {
    const child = spawn(kubectlPath, ['-n', this.namespace, 'apply', '-f', '-'], { stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        said += chunk
      })
    }
    child.stdin.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
    const code = await new Promise((resolve) => child.once('close', resolve))
    if (code !== 0) throw new Error(`kubectl apply: ${said}`)
    return said
  }

  /** A port of this machine that leads to a port of a pod or Service, until it is closed or the pod is gone. */
  async forward(target: string, port: number): Promise<{ readonly port: number; readonly child: ChildProcess }> {
    const args = ['-n', this.namespace, 'port-forward', target, `:${port}`]
    const child = spawn(kubectlPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      complaint += chunk
    })
    const local = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const found = /127\.0\.0\.1:(\d+) ->/.exec(line)?.[1]
        if (found) resolve(Number(found))
      })
      child.once('error', reject)
      child.once('close', () => reject(new Error(`kubectl port-forward ${target}: ${complaint}`)))
    })
    return { port: local, child }
  }
}
