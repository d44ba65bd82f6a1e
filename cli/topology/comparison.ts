import type { Declaration } from '../../runtime/core/topology.ts'

/** What stands on a vhost, as the management lists it. */
export interface BrokerObjects {
  readonly exchanges: readonly {
    readonly name: string
    readonly type: string
    readonly durable: boolean
    readonly arguments: Arguments
  }[]
  readonly queues: readonly { readonly name: string; readonly durable: boolean; readonly arguments: Arguments }[]
  readonly bindings: readonly {
    readonly source: string
    readonly destination: string
    readonly destinationType: string
  }[]
}
type Arguments = Readonly<Record<string, unknown>>

/** What is not as the specs want it. */
export interface Deviation {
  readonly declaration: Declaration
  readonly kind: 'missing' | 'different'
  /** One line for each difference: `x-message-ttl is 500, expected 1000`. */
  readonly differences: readonly string[]
}

export interface Comparison {
  readonly deviations: readonly Deviation[]
  /** What could not be looked at, in words. */
  readonly unseen: readonly string[]
}

/** Holds what the specs want against what stands. */
export function compareObjects(wanted: readonly Declaration[], broker: BrokerObjects): Comparison {
  const deviations = wanted.flatMap((declaration): Deviation[] => {
    const differences = differencesOf(declaration, broker)
    if (differences === null) return [{ declaration, kind: 'missing', differences: [] }]
    return differences.length === 0 ? [] : [{ declaration, kind: 'different', differences }]
  })
  return { deviations, unseen: [] }
}

/** @returns null if there is no such thing */
function differencesOf(declaration: Declaration, broker: BrokerObjects): readonly string[] | null {
  if (declaration.kind === 'binding') {
    const stands = broker.bindings.some(
      ({ source, destination, destinationType }) =>
        source === declaration.exchange && destination === declaration.queue && destinationType === 'queue',
    )
    return stands ? [] : null
  }
  if (declaration.kind === 'exchange') {
    const found = broker.exchanges.find(({ name }) => name === declaration.name)
    if (!found) return null
    const type = found.type === declaration.type ? [] : [said('type', found.type, declaration.type)]
    return [...type, ...durability(found.durable)]
  }
  const found = broker.queues.find(({ name }) => name === declaration.name)
  if (!found) return null
  return [...durability(found.durable), ...argumentDifferences(declaration, found.arguments)]
}

const durability = (durable: boolean): readonly string[] => (durable ? [] : [said('durable', false, true)])

function argumentDifferences(
  { arguments: wanted, tolerated = [] }: Extract<Declaration, { kind: 'queue' }>,
  found: Arguments,
): readonly string[] {
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)])
  return [...names]
    .filter((name) => !tolerated.includes(name) && wanted[name] !== found[name])
    .sort()
    .map((name) => said(name, found[name], wanted[name]))
}

const said = (name: string, found: unknown, expected: unknown): string =>
  `${name} is ${found === undefined ? 'not set' : JSON.stringify(found)}, expected ${expected === undefined ? 'none' : JSON.stringify(expected)}`

/** How a declaration is named in a sentence. */
export const labelOf = (declaration: Declaration): string =>
  declaration.kind === 'binding'
    ? `binding of queue '${declaration.queue}' to exchange '${declaration.exchange}'`
    : `${declaration.kind} '${declaration.name}'`

/** A word as a shell takes it: nothing in it is expanded. */
export const shellWord = (word: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`

/**
 * The commands that delete a queue once it is empty. n.b. RabbitMQ refuses `--if-empty` for quorum queues, and rabbitmqctl says so
 * with exit code 0: it has to be looked at first.
 */
export const deletion = (queue: string, vhost: string): readonly string[] => {
  const ctl = `rabbitmqctl -p ${shellWord(vhost)}`
  return [
    `${ctl} list_queues name messages consumers   # ${queue}: go on once both are 0`,
    `${ctl} delete_queue ${shellWord(queue)}`,
  ]
}

/**
 * The commands that bring the broker to what the specs want. What is missing is made; what differs can only be deleted and made anew,
 * which is a person's to decide, and for queues only once they are empty.
 */
export function reconciliation(
  deviations: readonly Deviation[],
  vhost: string,
  functions: readonly string[] = [],
): readonly string[] {
  const deletions = deviations.flatMap(({ declaration, kind }) => {
    if (kind === 'missing' || declaration.kind === 'binding') return []
    if (declaration.kind === 'queue') return deletion(declaration.name, vhost)
    const path = `exchanges/${encodeURIComponent(vhost)}/${encodeURIComponent(declaration.name)}?if-unused=true`
    return [`curl -X DELETE "$KEDAFN_MANAGEMENT_URL/api/${path}"`]
  })
  if (deviations.length === 0) return []
  return [...new Set([...deletions, ['npx kedafn topology apply', ...functions].join(' ')])]
}
