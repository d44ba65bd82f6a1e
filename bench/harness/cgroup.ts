import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const base = '/sys/fs/cgroup'
const periodUs = 100_000

/** A control group of processes, whose CPU is counted to the microsecond and can be limited: of version 2, or 1 where there is no other. */
export class Cgroup {
  readonly #folders: readonly string[]
  readonly #unified: boolean

  /** @throws Error where control groups may not be made */
  constructor(name: string) {
    this.#unified = existsSync(join(base, 'cgroup.controllers'))
    this.#folders = (this.#unified ? [base] : [join(base, 'cpu'), join(base, 'cpuacct')]).map((parent) =>
      join(parent, name),
    )
    if (this.#unified) {
      try {
        writeFileSync(join(base, 'cgroup.subtree_control'), '+cpu')
      } catch {}
    }
    for (const folder of this.#folders) mkdirSync(folder)
  }

  /** @param cores null: as many as there are */
  limit(cores: number | null): void {
    const [folder = ''] = this.#folders
    const quota = cores === null ? null : Math.round(cores * periodUs)
    if (this.#unified) writeFileSync(join(folder, 'cpu.max'), `${quota ?? 'max'} ${periodUs}`)
    else {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), `${periodUs}`)
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), `${quota ?? -1}`)
    }
  }

  /** CPU that its processes used so far. */
  usedMs(): number {
    const folder = this.#folders.at(-1) ?? ''
    if (!this.#unified) return Number(readFileSync(join(folder, 'cpuacct.usage'), 'utf8')) / 1e6
    return Number(/^usage_usec (\d+)/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1]) / 1000
  }

  /** The command that runs `command` in it. What the shell costs is for the caller to take off. */
  enter(command: readonly string[]): readonly string[] {
    const entering = this.#folders.map((folder) => `echo $$ > ${join(folder, 'cgroup.procs')}`).join(' && ')
    return ['/bin/sh', '-c', `${entering} && exec "$0" "$@"`, ...command]
  }

  /** Once its processes are gone. */
  remove(): void {
    for (const folder of this.#folders) rmdirSync(folder)
  }
}
