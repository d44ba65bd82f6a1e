import type { Check } from '../finding.ts'
import { accessChecks } from './access.ts'
import { brokerChecks } from './broker.ts'
import { deadLetterChecks } from './dead-letters.ts'
import { kedaChecks } from './keda.ts'
import { monitoringChecks } from './monitoring.ts'
import { numberChecks } from './numbers.ts'
import { permissionChecks } from './permissions.ts'
import { podChecks } from './pods.ts'
import { probeChecks } from './probes.ts'
import { queueChecks } from './queues.ts'
import { repositoryChecks } from './repository.ts'
import { scaledObjectChecks } from './scaled-objects.ts'
import { scalingChecks } from './scaling.ts'
import { triggerChecks } from './triggers.ts'

/** Everything that is looked for, in the order in which a person asks: can it be reached, does it stand, does it move, does it scale. */
export const checks: readonly Check[] = [
  ...repositoryChecks,
  ...accessChecks,
  ...brokerChecks,
  ...queueChecks,
  ...deadLetterChecks,
  ...permissionChecks,
  ...triggerChecks,
  ...numberChecks,
  ...scaledObjectChecks,
  ...podChecks,
  ...probeChecks,
  ...kedaChecks,
  ...scalingChecks,
  ...monitoringChecks,
]
