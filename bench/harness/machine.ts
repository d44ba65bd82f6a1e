import { cpus, loadavg, totalmem } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'

/** The machine counts as quiet while others use no more of it than this. */
const quietShare = 0.12
const lookMs = 100

export function describeMachine(broker: string, peers: readonly string[]): readonly string[] {
  const [first] = cpus()
  const load = loadavg().map((value) => value.toFixed(1))
  return [
    `${cpus().length} x ${first?.model.trim() ?? 'unknown'}, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, ${process.platform} ${process.arch}, load ${load.join(', ')} at the end`,
    `Node ${process.version}, V8 ${process.versions.v8}; broker: ${broker}`,
    ...(peers.length > 0 ? [`peers: ${peers.join(', ')}`] : []),
  ]
}

function busyMs(): { busy: number; all: number } {
  let [busy, all] = [0, 0]
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.irq + times.idle
    busy += sum - times.idle
    all += sum
  }
  return { busy, all }
}

/** Waits for the machine to come to rest before a round, with so much patience for the whole run. */
export class Quiet {
  #patienceMs: number

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /** @returns false if it did not come to rest: what follows is disturbed */
  async come(): Promise<boolean> {
    for (;;) {
      const before = busyMs()
      await wait(lookMs)
      const after = busyMs()
      const all = after.all - before.all
      if (all > 0 && (after.busy - before.busy) / all <= quietShare) return true
      if (this.#patienceMs <= 0) return false
      this.#patienceMs -= lookMs
    }
  }
}
