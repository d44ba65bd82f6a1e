import { Document } from 'yaml'
import type { FunctionFacts } from '../../tooling/functions.ts'
import { topologyObjects } from '../../tooling/render/topology.ts'
import { brokerVariables, reachOf, vhostOf } from '../broker/reach.ts'
import { defineCommand, exitCode, UsageError } from '../command.ts'
import { writeJson } from '../output/json.ts'
import { definitionsOf } from '../topology/definitions.ts'
import { checkpointOption, plansFor, positionals, specsOf } from '../topology/specs.ts'
import { wantedOf } from '../topology/wanted.ts'

export const exportTopology = defineCommand({
  name: 'topology export',
  summary: 'print what the functions want declared, for RabbitMQ itself or for its topology operator',
  description:
    'As definitions it is what rabbitmqctl import_definitions takes; as crd it is the objects of rabbitmq.com/v1beta1 that the overlay rabbitmq-operator has, users and permissions included.',
  positionals,
  options: [
    {
      type: 'text',
      name: 'format',
      placeholder: 'FORMAT',
      choices: ['definitions', 'crd'],
      default: 'definitions',
      description: 'definitions: JSON for RabbitMQ; crd: YAML for Kubernetes',
    },
    {
      type: 'text',
      name: 'vhost',
      placeholder: 'NAME',
      description: 'the vhost of the definitions; else that of the broker address',
    },
    checkpointOption,
  ],
  variables: brokerVariables,
  examples: [
    {
      command: 'kedafn topology export > definitions.json',
      does: 'for  rabbitmqctl import_definitions definitions.json',
    },
    { command: 'kedafn topology export --format crd | kubectl apply -f -', does: 'for the topology operator' },
  ],
  async run(call) {
    const { options, io } = call
    if (options.format === 'crd') {
      if (options.vhost !== undefined) throw new UsageError('--vhost is for definitions; the objects have their own')
      await io.stdout.write(crdText(await specsOf(call.arguments)))
    } else {
      const vhost = options.vhost ?? vhostOf(reachOf(io))
      await writeJson(io.stdout, definitionsOf(wantedOf(await plansFor(call)), vhost))
    }
    return exitCode.done
  },
})

const crdText = (facts: readonly FunctionFacts[]): string =>
  topologyObjects(facts)
    .map((object) =>
      new Document(object, { aliasDuplicateObjects: false }).toString({ lineWidth: 0, singleQuote: false }),
    )
    .join('---\n')
