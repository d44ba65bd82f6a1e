import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { poll } from './support/app.ts'
import { guideImages, guideSteps, type Step } from './support/guide.ts'
import { Kubectl } from './support/kubectl.ts'
import { copyRepository, loadImage } from './support/workshop.ts'

/** Longer than the longest wait of the guide. */
const stepTimeoutMs = 420_000
const kubectl = new Kubectl('kedafn')
/** How many lines the guide drops into the volume; four more are in the ConfigMap. */
const dropped = 500_000

/** A person's terminals in a clone. */
class Terminals {
  readonly #cwd: string
  readonly #env: NodeJS.ProcessEnv

  /** The guide says kubectl, wherever the one of this run is. */
  constructor(cwd: string) {
    const bin = join(cwd, 'bin')
    mkdirSync(bin)
    const { KUBECTL: found = '', PATH = '' } = process.env
    if (isAbsolute(found)) symlinkSync(found, join(bin, 'kubectl'))
    this.#cwd = cwd
    this.#env = { ...process.env, PATH: [bin, PATH].join(delimiter) }
  }

  /** Types a step, every command of which must succeed. @returns what it said */
  async type({ commands }: Step): Promise<string> {
    const { child, said } = this.#shell(commands, stepTimeoutMs)
    const code = await new Promise((resolve) => child.once('close', resolve))
    assert.equal(code, 0, `${commands}\n${said()}`)
    return said()
  }

  /** Types a step that runs until the test ends. @returns what it has said so far */
  leave(t: TestContext, { commands }: Step): () => string {
    const { child, said } = this.#shell(`exec ${commands}`, 0)
    t.after(() => child.kill('SIGINT'))
    return said
  }

  #shell(commands: string, timeout: number) {
    const child = spawn('sh', ['-ec', commands], {
      cwd: this.#cwd,
      env: this.#env,
      timeout,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
    }
    return { child, said: () => text }
  }
}

const volumes = async (): Promise<readonly string[]> => {
  type Found = { items: { metadata: { name: string }; spec: { claimRef?: { namespace: string } } }[] }
  const { items } = await kubectl.json<Found>('get', 'persistentvolumes')
  return items.flatMap(({ metadata, spec }) => (spec.claimRef?.namespace === 'kedafn' ? [metadata.name] : []))
}

/** How many lines of the watch show a pod of another name running. */
const ranIn = (watched: string): number => new Set(watched.match(/^log-consumer-\S+(?= .* Running )/gm)).size

test('the first deployment guide, word by word: lines come out as they went in, and consumers go 0 -> N -> 0', async (t) => {
  await kubectl.run('delete', 'namespace', 'kedafn', '--ignore-not-found', '--timeout=120s')
  t.after(() => kubectl.run('delete', 'namespace', 'kedafn', '--ignore-not-found', '--timeout=120s'))
  const clone = copyRepository()
  t.after(() => clone.dispose())
  const steps = guideSteps()
  const terminals = new Terminals(clone.root)
  let watched = () => ''
  let said = ''
  for (const step of steps) {
    const [first = ''] = step.commands.split('\n')
    const begun = performance.now()
    if (step.notRun !== null) {
      t.diagnostic(`not run: ${first} (${step.notRun})`)
      if (first.includes('image import')) {
        for (const file of guideImages([step])) loadImage(process.env.KEDAFN_E2E_LOAD ?? '', join(clone.root, file))
      }
      continue
    }
    if (step.aside) watched = terminals.leave(t, step)
    else said += await terminals.type(step)
    t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s: ${first}`)
    if (first.startsWith('kubectl -n kedafn exec files -- cat')) await checkOutcome(watched())
    if (first.startsWith('kubectl -n kedafn delete')) assert.equal((await volumes()).length, 3)
  }
  assert.match(said, /every line arrived/)
  const [, most] = /"value":\[[\d.]+,"(\d+)"\]/.exec(said) ?? []
  assert.ok(Number(most) >= 2, said)
  t.diagnostic(`${ranIn(watched())} consumers watched, ${most} at once`)
  // What was sent before is not sent again to those that came back.
  assert.match(said, new RegExp(`^${dropped + 4} /output/output.txt$`, 'm'))
  await t.waitFor(async () => assert.deepEqual(await volumes(), []), poll)
})

/** What the guide's own comparison says, looked at once more from outside. */
async function checkOutcome(watched: string): Promise<void> {
  const read = async (file: string): Promise<string[]> =>
    (await kubectl.run('exec', 'files', '--', 'cat', file)).trimEnd().split('\n')
  const [fromVolume, output] = [await read('/input/input.txt'), await read('/output/output.txt')]
  assert.equal(fromVolume.length, dropped)
  const { data } = await kubectl.json<{ data: Record<string, string> }>('get', 'configmap', 'input')
  const input = [...fromVolume, ...(data['input.txt'] ?? '').trimEnd().split('\n')]
  assert.deepEqual(output.sort(), input.sort())
  assert.ok(ranIn(watched) >= 3, watched)
}
