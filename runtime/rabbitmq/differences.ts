import type { Channel, ChannelModel } from 'amqplib'
import { describe } from '../core/errors.ts'
import { type Inequivalence, readInequivalence } from '../core/inequivalence.ts'
import type { Declaration } from '../core/topology.ts'
import type { Life } from './connection.ts'
import { codeOf } from './failures.ts'

/** What a comparison of a topology with the broker found, each a piece of a sentence. */
export interface Findings {
  readonly missing: string[]
  readonly differences: string[]
  /** What this user, or nobody, can see over AMQP. */
  readonly unseen: string[]
  /** The topology, with what it tolerates as it stands. */
  readonly standing: Declaration[]
}

type Named = Exclude<Declaration, { kind: 'binding' }>
type Arguments = Record<string, string | number | boolean>

/**
 * An argument that no broker takes for a new queue or exchange and that differs from what any old one has: with it a declaration
 * makes nothing, ever, and is answered by the first argument that differs. RabbitMQ compares it behind those of our topology.
 */
const probes = {
  queue: { argument: 'x-queue-leader-locator', value: 'kedafn-probe' },
  exchange: { argument: 'alternate-exchange', value: 1 },
} as const

/** More than a queue has arguments. */
const mostQuestions = 30

/**
 * Compares all of a topology with what stands, and changes nothing; all of it at once, for a function is started to work. Bindings cannot be asked for over AMQP (a message that tries
 * them would arrive), nor can what a role has no permission on; arguments take the permission to configure.
 */
export async function compareTopology(
  connection: ChannelModel,
  life: Life,
  topology: readonly Declaration[],
): Promise<Findings> {
  const all = await Promise.all(
    topology.map(async (declaration): Promise<Findings> => {
      const findings: Findings = { missing: [], differences: [], unseen: [], standing: [] }
      if (declaration.kind === 'binding') {
        findings.unseen.push(`binding of '${declaration.queue}' to '${declaration.exchange}'`)
        findings.standing.push(declaration)
      } else {
        const asking = new Asking(connection, life)
        const tolerated = await compare(declaration, (question) => asking.ask(question), findings)
        await asking.end()
        findings.standing.push(declaration.kind === 'queue' ? withFound(declaration, tolerated) : declaration)
      }
      return findings
    }),
  )
  return {
    missing: all.flatMap(({ missing }) => missing),
    differences: all.flatMap(({ differences }) => differences),
    unseen: all.flatMap(({ unseen }) => unseen),
    standing: all.flatMap(({ standing }) => standing),
  }
}

/** Arguments as they were found; null: not set. */
type FoundArguments = Record<string, string | number | boolean | null>

function withFound(queue: Extract<Declaration, { kind: 'queue' }>, found: FoundArguments): Declaration {
  const entries = Object.entries({ ...queue.arguments, ...found })
  return {
    ...queue,
    arguments: Object.fromEntries(entries.flatMap(([key, value]) => (value === null ? [] : [[key, value]]))),
  }
}

type Ask = (question: (channel: Channel) => Promise<unknown>) => Promise<unknown>

/** Questions on a channel of their own, which a refusal closes: that is the answer, and no reason to end the session. */
class Asking {
  readonly #connection: ChannelModel
  readonly #life: Life
  #channel: Channel | null = null

  constructor(connection: ChannelModel, life: Life) {
    this.#connection = connection
    this.#life = life
  }

  async ask(question: (channel: Channel) => Promise<unknown>): Promise<unknown> {
    const channel = this.#channel ?? (await this.#life.guard(this.#connection.createChannel()))
    this.#channel = null
    channel.on('error', () => {})
    try {
      await this.#life.guard(question(channel))
      this.#channel = channel
      return null
    } catch (error) {
      if (this.#life.over) throw error
      return error
    }
  }

  async end(): Promise<void> {
    if (this.#channel) await this.#life.guard(this.#channel.close())
  }
}

/** @returns what differs and is tolerated */
async function compare(declaration: Named, askBroker: Ask, findings: Findings): Promise<FoundArguments> {
  const { kind, name } = declaration
  const tolerated: FoundArguments = {}
  const label = `${kind} '${name}'`
  const refusal = await askBroker((channel) =>
    kind === 'exchange' ? channel.checkExchange(name) : channel.checkQueue(name),
  )
  if (refusal !== null) {
    if (codeOf(refusal) === 403) findings.unseen.push(label)
    else if (/no (queue|exchange) '/.test(describe(refusal))) findings.missing.push(label)
    else throw refusal
    return tolerated
  }
  const probe = probes[kind]
  const wanted: Arguments = kind === 'queue' ? { ...declaration.arguments } : {}
  const asked: Arguments = { ...wanted }
  let type: string = kind === 'exchange' ? declaration.type : ''
  const expected = (argument: string) => (argument === 'type' ? type : asked[argument])
  for (let question = 0; question < mostQuestions; question++) {
    const args = { ...asked, [probe.argument]: probe.value }
    const answer = await askBroker((channel) =>
      kind === 'exchange'
        ? channel.assertExchange(name, type, { durable: true, arguments: args })
        : channel.assertQueue(name, { durable: true, arguments: args }),
    )
    // n.b. Of a classic queue RabbitMQ 3.10 does not compare what only others have.
    if (answer === null) return tolerated
    const difference = readInequivalence(describe(answer), expected)
    if (difference === null) {
      if (codeOf(answer) !== 403 && codeOf(answer) !== 406) throw answer
      findings.unseen.push(`arguments of ${label}`)
      return tolerated
    }
    const { argument, found, shown } = difference
    if (argument === probe.argument && found === null) return tolerated
    const should = argument === 'type' && kind === 'exchange' ? declaration.type : shownWanted(wanted, difference)
    if (kind === 'queue' && found !== undefined && declaration.tolerated?.includes(argument))
      tolerated[argument] = found
    else findings.differences.push(`${label}: ${argument} is ${shown}, expected ${should}`)
    // Asked again as it stands, so that the next difference is told; the probe itself has to stay.
    if (argument === 'type' && typeof found === 'string') type = found
    else if (found === null) delete asked[argument]
    else if (found !== undefined && argument !== probe.argument) asked[argument] = found
    else {
      if (argument !== probe.argument) findings.unseen.push(`further arguments of ${label}`)
      return tolerated
    }
  }
  return tolerated
}

/** What is no argument but a property is always durable, and nothing else. */
const shownWanted = (wanted: Arguments, { argument }: Inequivalence): string =>
  argument.startsWith('x-') || argument === probes.exchange.argument
    ? `${wanted[argument] ?? 'none'}`
    : `${argument === 'durable'}`
