import { withBroker } from '../broker/connection.ts'
import { compareOverAmqp, declare } from '../broker/declarations.ts'
import { brokerVariables, managementVariables, reachOf, vhostOf } from '../broker/reach.ts'
import { defineCommand, exitCode, type Io } from '../command.ts'
import { isFailure } from '../doctor/facts.ts'
import { askBroker } from '../doctor/gather/management.ts'
import { writeJson } from '../output/json.ts'
import { safeText } from '../output/safe.ts'
import { table } from '../output/table.ts'
import { type Comparison, compareObjects, type Deviation, labelOf, reconciliation } from '../topology/comparison.ts'
import { checkpointOption, plansFor, positionals } from '../topology/specs.ts'
import { leastPermissions, scalerPermissions, wantedOf } from '../topology/wanted.ts'
import { exportTopology } from './topology-export.ts'

/** By the management, which knows bindings too; by AMQP where that does not answer. */
async function compare(io: Io, wanted: Parameters<typeof compareObjects>[0]): Promise<Comparison> {
  const reach = reachOf(io)
  const answer = await askBroker(reach.managementUrls, vhostOf(reach), io.signal)
  if (!isFailure(answer) && answer.vhostFound) return compareObjects(wanted, answer.objects)
  return withBroker(io, 'kedafn topology', ({ connection }) => compareOverAmqp(connection, wanted))
}

const stateOf = (deviations: readonly Deviation[], label: string): string => {
  const deviation = deviations.find(({ declaration }) => labelOf(declaration) === label)
  return deviation === undefined ? 'stands' : deviation.kind === 'missing' ? 'missing' : 'differs'
}

const show = defineCommand({
  name: 'topology show',
  summary: 'list the exchanges, queues, bindings and permissions that the functions want',
  description: 'With --broker it says of each whether it stands. The permissions are the least that each role needs.',
  reads: true,
  positionals,
  options: [checkpointOption, { type: 'flag', name: 'broker', description: 'ask the broker what stands' }],
  variables: [...brokerVariables, ...managementVariables],
  examples: [
    { command: 'kedafn topology show', does: 'what all functions want' },
    { command: 'kedafn topology show log-consumer --broker', does: 'what one wants, and whether it stands' },
  ],
  async run(call) {
    const { options, io } = call
    const plans = await plansFor(call)
    const wanted = wantedOf(plans)
    const found = options.broker ? await compare(io, wanted) : null
    const declared = wanted.map((declaration) => ({
      ...declaration,
      ...(found ? { state: stateOf(found.deviations, labelOf(declaration)) } : {}),
    }))
    const permissions = plans.flatMap((plan) => [
      { function: plan.name, role: plan.role, ...leastPermissions(plan) },
      ...(plan.scaling ? [{ function: plan.name, role: 'scaler', ...scalerPermissions(plan) }] : []),
    ])
    if (options.json) await writeJson(io.stdout, { declared, permissions })
    else {
      const width = io.isTerminal.stdout ? io.width : null
      const rows = declared.map((one) => [
        one.kind,
        one.kind === 'binding' ? `${one.exchange} -> ${one.queue}` : one.name,
        ...('state' in one ? [`${one.state}`] : []),
        one.kind === 'exchange' ? `type ${one.type}` : one.kind === 'queue' ? shownArguments(one.arguments) : '',
      ])
      const columns = [
        { title: 'KIND' },
        { title: 'NAME' },
        ...(found ? [{ title: 'BROKER' }] : []),
        { title: 'ARGUMENTS', flexible: true } as const,
      ]
      const users = permissions.map((one) => [one.function, one.role, one.configure, one.write, one.read])
      await io.stdout.write(table(columns, rows, width))
      await io.stdout.write(
        `\n${table(
          ['FUNCTION', 'ROLE', 'CONFIGURE', 'WRITE', 'READ'].map((title) => ({ title })),
          users,
          null,
        )}`,
      )
    }
    return exitCode.done
  },
})

const shownArguments = (args: Readonly<Record<string, unknown>>): string =>
  Object.entries(args)
    .map(([name, value]) => `${name}=${value === '' ? "''" : value}`)
    .join(' ')

const diff = defineCommand({
  name: 'topology diff',
  summary: 'say what on the broker is not as the functions want it, and what mends it',
  description:
    'It changes nothing. Arguments of what stands cannot be changed: what differs has to be deleted once it is empty, and is made anew then.',
  reads: true,
  positionals,
  options: [checkpointOption],
  variables: [...brokerVariables, ...managementVariables],
  exitCodes: { 3: 'something is missing or differs' },
  examples: [
    { command: 'kedafn topology diff', does: 'what is missing, what differs, and the commands' },
    { command: 'kedafn topology diff || echo "not as it should be"', does: 'for a script' },
  ],
  async run(call) {
    const { options, io } = call
    const wanted = wantedOf(await plansFor(call))
    const { deviations, unseen } = await compare(io, wanted)
    const commands = reconciliation(deviations, vhostOf(reachOf(io)), call.arguments)
    if (options.json) {
      await writeJson(io.stdout, {
        deviations: deviations.map(({ declaration, kind, differences }) => ({
          what: labelOf(declaration),
          state: kind,
          differences,
        })),
        unseen,
        commands,
      })
    } else {
      const lines = deviations.flatMap(({ declaration, kind, differences }) =>
        kind === 'missing'
          ? [`- ${labelOf(declaration)} is missing`]
          : differences.map((one) => `~ ${labelOf(declaration)}: ${one}`),
      )
      const said = lines.length === 0 ? [`all ${wanted.length} stand as the specs want them`] : lines
      const hidden =
        unseen.length === 0
          ? []
          : ['', `Not looked at, since AMQP does not tell or this user may not see it: ${unseen.join(', ')}`]
      const mend = commands.length === 0 ? [] : ['', 'To mend it:', ...commands.map((one) => `  ${one}`)]
      await io.stdout.write([...said, ...hidden, ...mend].map((line) => `${safeText(line)}\n`).join(''))
    }
    return deviations.length === 0 ? exitCode.done : exitCode.found
  },
})

const apply = defineCommand({
  name: 'topology apply',
  summary: 'make the exchanges, queues and bindings that the functions want and that are missing',
  description: 'It never changes or deletes what stands: what differs is left as it is, and said.',
  positionals,
  options: [
    checkpointOption,
    { type: 'flag', name: 'dry-run', description: 'say what would be made, and make nothing' },
  ],
  variables: [...brokerVariables, ...managementVariables],
  exitCodes: { 3: 'something differs and is left as it is' },
  examples: [
    { command: 'kedafn topology apply --dry-run', does: 'what would be made' },
    { command: 'kedafn topology apply log-consumer', does: 'what one function lacks' },
  ],
  async run(call) {
    const { options, io } = call
    const wanted = wantedOf(await plansFor(call))
    const { deviations, unseen } = await compare(io, wanted)
    // n.b. AMQP does not tell of bindings; to bind again changes nothing.
    const hidden = unseen.length === 0 ? [] : wanted.filter(({ kind }) => kind === 'binding')
    const missing = wanted.filter(
      (one) =>
        hidden.includes(one) || deviations.some(({ kind, declaration }) => kind === 'missing' && declaration === one),
    )
    const different = deviations.filter(({ kind }) => kind === 'different')
    if (!options['dry-run'] && missing.length > 0) {
      await withBroker(io, 'kedafn topology apply', ({ connection }) => declare(connection, missing))
    }
    const done = options['dry-run'] ? 'would be made' : 'made'
    const lines = [
      ...missing.map((one) => `${labelOf(one)} ${done}`),
      ...different.flatMap(({ declaration, differences }) =>
        differences.map((one) => `${labelOf(declaration)} left as it is: ${one}`),
      ),
      ...(missing.length + different.length === 0 ? [`all ${wanted.length} stand as the specs want them`] : []),
      ...(different.length > 0 ? ['kedafn topology diff says what mends that'] : []),
    ]
    await io.stdout.write(lines.map((line) => `${safeText(line)}\n`).join(''))
    return different.length === 0 ? exitCode.done : exitCode.found
  },
})

export const topology = defineCommand({
  name: 'topology',
  summary: 'show, compare, make or export the exchanges, queues and bindings of the functions',
  subcommands: [show, diff, apply, exportTopology],
  examples: [
    { command: 'kedafn topology diff', does: 'what on the broker is not as the functions want it' },
    { command: 'kedafn topology apply', does: 'make what is missing' },
  ],
})
