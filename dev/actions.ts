import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { UsageError } from './arguments.ts'
import type { ScaledObject } from './autoscaler/scaled-object.ts'
import type { BrokerSwitch } from './broker-switch.ts'
import type { Fleet } from './fleet.ts'
import type { Live } from './live.ts'
import type { Network } from './network.ts'
import type { Actions } from './page-server.ts'
import { counted } from './status.ts'

export interface ActionOptions {
  readonly live: Live
  readonly fleet: Fleet
  readonly objects: readonly ScaledObject[]
  readonly autoscaler: { pause(target: string, pause: { all: boolean }): void } | null
  /** null: the broker is not ours to stop. */
  readonly broker: BrokerSwitch | null
  /** null: there is nothing between the functions and the broker. */
  readonly network: Network | null
  /** The path of the file that lines go into. */
  readonly input: string
}

const mostLines = 1_000_000
const mostDelayMs = 1000
const breakMs = 10_000

/** Why a button is not there. */
export const absences = {
  broker: 'npm start stops only a broker that it started itself, not the one of AMQP_URL',
  network: 'with AMQP_URL the functions are connected to the broker itself: there is nothing to break',
} as const

/** The buttons of the page. */
export function actionsOf({ live, fleet, objects, autoscaler, broker, network, input }: ActionOptions): Actions {
  const done = (text: string): string => {
    live.note('action', text)
    return text
  }
  let dropped = 0
  return {
    lines({ count, text }) {
      if (typeof text === 'string' && text !== '') {
        append(input, text.endsWith('\n') ? text : `${text}\n`)
        return done(`${counted(text.replace(/\n$/, '').split('\n').length, 'line')} pasted into the input`)
      }
      const lines = wholeNumber('count', count, 1, mostLines)
      dropped++
      append(input, Array.from({ length: lines }, (_, i) => `drop ${dropped}, line ${i + 1} of ${lines}\n`).join(''))
      return done(`${counted(lines, 'line')} dropped into the input`)
    },
    pause({ paused }) {
      if (typeof paused !== 'boolean') throw new UsageError('paused is no boolean')
      if (!autoscaler) throw new UsageError('nothing is scaled here')
      for (const { target } of objects) autoscaler.pause(target, { all: paused })
      live.change({ paused })
      return done(paused ? 'scaling is paused, as by the annotation autoscaling.keda.sh/paused' : 'scaling goes on')
    },
    kill({ name }) {
      if (typeof name !== 'string' || !fleet.crash(name)) throw new UsageError('there is no such process now')
      return done(`${name} was killed (SIGKILL)`)
    },
    async broker({ running }) {
      if (typeof running !== 'boolean') throw new UsageError('running is no boolean')
      if (!broker) throw new UsageError(absences.broker)
      if (!running) {
        done('the broker is told to stop')
        await broker.stop()
        return done('the broker is stopped; what it was given is on its disk')
      }
      await broker.start()
      return done('the broker runs again')
    },
    network() {
      if (!network) throw new UsageError(absences.network)
      network.breakFor(breakMs, () => {
        live.change({ networkBroken: false })
        live.note('action', 'the network is whole again')
      })
      live.change({ networkBroken: true })
      return done(`the network is broken for ${breakMs / 1000} s: the functions cannot reach the broker`)
    },
    delay({ ms }) {
      const delayMs = wholeNumber('ms', ms, 0, mostDelayMs)
      fleet.slow(delayMs)
      live.change({ delayMs })
      return done(
        delayMs === 0 ? 'handlers are as fast as they are' : `handlers take ${delayMs} ms more for each message`,
      )
    },
  }
}

function wholeNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageError(`${name} is ${JSON.stringify(value)}; expected a whole number from ${min} to ${max}`)
}

/** Whole lines: what stands at the end of the file without a newline stays a line of its own. */
function append(path: string, text: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  const file = openSync(path, 'a+')
  try {
    const last = Buffer.alloc(1)
    if (size > 0) readSync(file, last, 0, 1, size - 1)
    const bytes = Buffer.from(size > 0 && last[0] !== 10 ? `\n${text}` : text)
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
  } finally {
    closeSync(file)
  }
}
