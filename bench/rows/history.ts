import { flow, packing, shipped } from '../harness/pipe.ts'
import type { Row } from '../harness/row.ts'

/** What the 7-day copy costs: the exchange feeds the stream too, or does not. */
export const history: Row = {
  name: 'history',
  section: 'Throughput',
  title: 'The history',
  async prepare(bench) {
    const lines = bench.count(40_000, 15_000)
    const many = bench.count(1_000_000, 200_000)
    const stages = await bench.stages()
    const [on, off] = [
      await stages.make({ type: 'quorum', history: true }),
      await stages.make({ type: 'quorum', history: false }),
    ]
    const side = (stage: typeof on, count: number, env: Record<string, string>) => async () =>
      flow(bench, stage, shipped(bench, stage, env), await bench.input(count), count)
    const shared = { metric: 'rate', unit: 'lines/s', better: 'higher', goal: 0.9 } as const
    return {
      sides: {
        on: side(on, lines, {}),
        off: side(off, lines, {}),
        'packed on': side(on, many, packing),
        'packed off': side(off, many, packing),
      },
      comparisons: [
        { id: 'plain', what: 'file to file: history on / off', of: 'on', to: 'off', ...shared },
        { id: 'packed', what: 'file to file, packed: history on / off', of: 'packed on', to: 'packed off', ...shared },
      ],
    }
  },
}
