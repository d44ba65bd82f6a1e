import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openVhost, type Vhost } from '../support/broker.ts'
import { FunctionProcess } from '../support/function-process.ts'
import { BrokerSide } from './broker-side.ts'
import { BrokerUser } from './broker-user.ts'
import { type Faulty, labelOf } from './points.ts'
import { harmDone, saboteurEnv } from './saboteur.ts'
import type { Victims } from './victims.ts'

/** One run of a scenario: its folder and its processes. */
export interface Run extends AsyncDisposable {
  readonly path: (name: string) => string
  read(name: string): string
  start(bundle: string, env: Record<string, string>): FunctionProcess
}

/** Where one run after the other takes place: a vhost, whose queues the one before left empty, and a connection to it. */
export class Lane implements AsyncDisposable {
  readonly vhost: Vhost
  readonly broker: BrokerSide
  readonly user: BrokerUser
  readonly victims: Victims
  #runs = 0

  private constructor(vhost: Vhost, broker: BrokerSide, user: BrokerUser, victims: Victims) {
    this.vhost = vhost
    this.broker = broker
    this.user = user
    this.victims = victims
  }

  /** With the queues of all functions declared. */
  static async open(name: string, victims: Victims): Promise<Lane> {
    const vhost = await openVhost(name)
    const lane = new Lane(vhost, await BrokerSide.at(vhost.url), await BrokerUser.of(vhost), victims)
    await using run = lane.begin().run
    const { consumed, ordered, produced } = victims.paths
    const consumers = [consumed, ordered].map((path) => run.start(path, {}))
    const producer = run.start(produced, {})
    for (const consumer of consumers) await consumer.logged('consuming')
    await producer.until('it is ready', () => producer.report?.state === 'running')
    for (const one of [...consumers, producer]) {
      one.kill('SIGTERM')
      await one.exited
    }
    return lane
  }

  /** A folder for one run, and a number that no other run of this lane has. */
  begin(): { readonly number: number; readonly run: Run } {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-fault-')))
    const started: FunctionProcess[] = []
    const path = (name: string) => join(folder, name)
    const base = {
      AMQP_URL: this.user.url,
      INPUT_PATH: path('input.txt'),
      OUTPUT_PATH: path('output.txt'),
      KEDAFN_CHECKPOINT_PATH: path('checkpoint'),
      [saboteurEnv.goOnPath]: path('go-on'),
    }
    const run: Run = {
      path,
      read: (name) => {
        try {
          return readFileSync(path(name), 'latin1')
        } catch {
          return ''
        }
      },
      start: (bundle, env) => {
        const process = new FunctionProcess(bundle, { ...base, ...env }, folder)
        started.push(process)
        return process
      },
      [Symbol.asyncDispose]: async () => {
        for (const process of started) await process[Symbol.asyncDispose]()
        rmSync(folder, { recursive: true, force: true })
      },
    }
    return { number: ++this.#runs, run }
  }

  /** After a run that failed, so that the next one does not meet what it left. */
  async empty(): Promise<void> {
    for (const queue of [
      'consumed',
      'consumed.retry.10',
      'consumed.dead',
      'ordered',
      'ordered.dead',
      'produced',
      'produced.dead',
    ]) {
      await this.broker.takeAll(queue)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close()
    await this.vhost.dispose()
    await this.user.dispose()
  }
}

/** What makes the saboteur of a process do harm; nothing without a fault, or record what it sees. */
export function faultEnv(faulty: Faulty | null, recordPath: string): Record<string, string> {
  if (!faulty) return { [saboteurEnv.recordPath]: recordPath }
  return { [saboteurEnv.at]: labelOf(faulty.point), [saboteurEnv.harm]: faulty.harm }
}

/** Resolves when the process has ended. Rejects, with its last words, if it does not. */
export async function ended(process: FunctionProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const { child } = process
  await process.until('it ends', () => child.exitCode !== null || child.signalCode !== null)
  return process.exited
}

export const wasHarmed = (process: FunctionProcess): boolean => process.stderr.includes(harmDone)
