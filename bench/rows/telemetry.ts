import type { Bench } from '../harness/bench.ts'
import { flow, type Pipe, shipped } from '../harness/pipe.ts'
import type { Row } from '../harness/row.ts'
import type { Stage } from '../harness/stage.ts'

const ports = { producer: '19464', consumer: '19465' }

/** Metrics on and scraped each second, against off. */
export const telemetry: Row = {
  name: 'telemetry',
  section: 'Throughput',
  title: 'Telemetry',
  async prepare(bench) {
    const lines = bench.count(100_000, 20_000)
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const input = await bench.input(lines)
    const off = shipped(bench, stage, { KEDAFN_METRICS: 'off' })
    const shared = { of: 'on', to: 'off' } as const
    return {
      sides: {
        on: () => flow(bench, stage, scraped(bench, stage), input, lines),
        off: () => flow(bench, stage, off, input, lines),
      },
      comparisons: [
        {
          id: 'rate',
          what: 'file to file: telemetry on / off',
          metric: 'rate',
          unit: 'lines/s',
          better: 'higher',
          goal: 0.95,
          ...shared,
        },
        {
          id: 'cpu',
          what: 'CPU of a line: telemetry on / off',
          metric: 'cpuUs',
          unit: 'us',
          better: 'lower',
          goal: null,
          ...shared,
        },
      ],
    }
  },
}

function scraped(bench: Bench, stage: Stage): Pipe {
  const at = (port: string) => shipped(bench, stage, { OTEL_EXPORTER_PROMETHEUS_PORT: port })
  return {
    producer: at(ports.producer).producer,
    consumer: at(ports.consumer).consumer,
    meanwhile() {
      const timer = setInterval(() => {
        for (const port of Object.values(ports)) {
          fetch(`http://127.0.0.1:${port}/metrics`)
            .then((answer) => answer.text())
            .catch(() => {})
        }
      }, 1000)
      return () => clearInterval(timer)
    },
  }
}
