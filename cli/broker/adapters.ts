import type { Counters } from '../../runtime/core/counters.ts'
import type { Health, Instruments, Log } from '../../runtime/ports.ts'
import type { Connecting } from '../../runtime/rabbitmq/connection.ts'
import { systemClock as clock } from '../../runtime/system/clock.ts'
import type { Io } from '../command.ts'
import { safeText } from '../output/safe.ts'
import type { Reach } from './reach.ts'

const nothing = (): void => {}

const instruments: Instruments = {
  counters: {} as Counters,
  add: nothing,
  count: nothing,
  record: nothing,
  observe: () => nothing,
}

const health: Health = {
  session: () => ({ away: nothing, waiting: nothing, standing: nothing, blocked: nothing, ended: nothing }),
}

/** What the runtime's adapters need to work for a command: they log their warnings to stderr, and count nothing. */
export function connectingFor(io: Io, reach: Reach, purpose: string): Connecting {
  return {
    broker: () => reach.config,
    connectionName: purpose,
    clock,
    random: Math.random,
    log: warnings(io),
    instruments,
    health,
  }
}

function warnings({ stderr }: Io): Log {
  const say = (message: string, fields: Record<string, unknown> = {}) => {
    const { cause, reason, broker } = fields
    const more = [broker, cause, reason].filter((one) => one !== undefined).join(': ')
    void stderr.write(`${safeText(more === '' ? message : `${message} (${more})`)}\n`)
  }
  const log: Log = { debug: nothing, info: nothing, warn: say, error: say, child: () => log }
  return log
}
