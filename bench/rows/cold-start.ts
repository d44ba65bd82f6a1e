import { execFileSync } from 'node:child_process'
import { describe } from '../../runtime/core/errors.ts'
import { Cgroup } from '../harness/cgroup.ts'
import type { Comparison } from '../harness/result.ts'
import type { Prepared, Row, Side } from '../harness/row.ts'
import { type Starter, Starts } from '../harness/starts.ts'
import { median } from '../harness/statistics.ts'

const rounds = { full: 40, quick: 12 }

/** From exec to the first ack. */
export const coldStart: Row = {
  name: 'cold-start',
  section: 'Cold start',
  title: 'From exec to the first ack',
  quick: true,
  rounds,
  async prepare(bench) {
    const starts = await Starts.prepare(bench)
    const side =
      (name: Starter): Side =>
      () =>
        starts.measure(name)
    const shared = { metric: 'ms', unit: 'ms', of: 'kedafn', better: 'lower' } as const
    return {
      sides: {
        hello: side('hello'),
        raw: side('raw'),
        uncached: side('uncached'),
        unmetered: side('unmetered'),
        kedafn: side('kedafn'),
      },
      comparisons: [
        {
          id: 'hello',
          what: 'exec to first ack / `node` that says hello',
          to: 'hello',
          goal: 1.9,
          limit: 2.2,
          ...shared,
        },
        { id: 'raw', what: 'exec to first ack / AMQP by hand over node:net', to: 'raw', goal: 1.4, ...shared },
        { ...shared, id: 'metrics', what: 'exec to first ack: metrics on / off', to: 'unmetered', goal: null },
        {
          ...shared,
          id: 'uncached',
          what: 'the same without a code cache / hello',
          of: 'uncached',
          to: 'hello',
          goal: null,
        },
      ],
      notes: [
        'unmetered: KEDAFN_METRICS=off; uncached: without a code cache',
        'log-consumer with its code cache, topology verified, one message in the queue; the ack is seen in a proxy on the way to the broker, as is that of AMQP by hand; hello ends with its first byte',
      ],
    }
  },
}

/** @throws Error where there are no control groups for us */
function inCgroup(cores: number | null, prepare: (cgroup: Cgroup) => Promise<Prepared>): Promise<Prepared> {
  try {
    const cgroup = new Cgroup(`kedafn-bench-${process.pid}-${cores ?? 'all'}`)
    process.on('exit', () => cgroup.remove())
    cgroup.limit(cores)
    return prepare(cgroup)
  } catch (error) {
    const reason = `no control group can be made (run as root, on Linux): ${describe(error)}`
    return Promise.resolve({ sides: {}, comparisons: [], skipped: [reason] })
  }
}

/** CPU from exec to the first ack. */
export const coldStartCpu: Row = {
  name: 'cold-start-cpu',
  section: 'Cold start',
  title: 'CPU to the first ack',
  rounds,
  prepare: (bench) =>
    inCgroup(null, async (cgroup) => {
      const starts = await Starts.prepare(bench)
      const shellMs = median(Array.from({ length: 9 }, () => shellCost(cgroup)))
      const side =
        (name: Starter): Side =>
        async () => {
          const { cpuMs = 0 } = await starts.measure(name, cgroup)
          return { cpuMs: cpuMs - shellMs }
        }
      const shared: Omit<Comparison, 'id' | 'what' | 'to' | 'goal'> = {
        metric: 'cpuMs',
        unit: 'ms of CPU',
        of: 'kedafn',
        better: 'lower',
      }
      return {
        sides: { hello: side('hello'), raw: side('raw'), kedafn: side('kedafn') },
        comparisons: [
          { id: 'hello', what: 'CPU to the first ack / CPU of hello', to: 'hello', goal: 1.6, ...shared },
          { id: 'raw', what: 'CPU to the first ack / AMQP by hand over node:net', to: 'raw', goal: null, ...shared },
        ],
        notes: ['all threads of the process, counted by a control group; of hello the whole run'],
      }
    }),
}

/** What the shell that enters the group costs in it. */
function shellCost(cgroup: Cgroup): number {
  const before = cgroup.usedMs()
  const [command = '', ...args] = cgroup.enter(['/bin/true'])
  execFileSync(command, args)
  return cgroup.usedMs() - before
}

const limitedRow = (cores: number, goalMs: number): Row => ({
  name: `cold-start-${cores}-cpu`,
  section: 'Cold start',
  title: `From exec to the first ack with ${cores} CPU`,
  rounds: { full: 10, quick: 3 },
  prepare: (bench) =>
    inCgroup(cores, async (cgroup) => {
      const starts = await Starts.prepare(bench)
      const side =
        (name: Starter): Side =>
        () =>
          starts.measure(name, cgroup)
      const shared = { metric: 'ms', unit: 'ms', of: 'kedafn', better: 'lower' } as const
      return {
        sides: { hello: side('hello'), kedafn: side('kedafn') },
        comparisons: [
          { id: 'ms', what: `exec to first ack with ${cores} CPU (quota), ms`, to: null, goal: goalMs, ...shared },
          {
            id: 'hello',
            what: `exec to first ack with ${cores} CPU / hello with as much`,
            to: 'hello',
            goal: null,
            ...shared,
          },
        ],
      }
    }),
})

export const coldStartTenth = limitedRow(0.1, 600)
export const coldStartHalf = limitedRow(0.5, 200)
