import type { PodUsage } from '../../../../dev/autoscaler/history.ts'
import type { CpuTrigger } from '../../../../dev/autoscaler/scaled-object.ts'
import { messages, queueTrigger } from '../objects.ts'
import { bare, calculator, type Table, table } from './vector.ts'

/** Used thousandths of a core, of 100 requested; null is a pod without a sample, and a string one that is not ready. */
type Used = number | null | `${number}`

const podOf = (used: Used): PodUsage => ({
  ready: typeof used !== 'string',
  usedMilli: used === null ? null : Number(used),
  requestedMilli: 100,
})
const cpu = (metricType: CpuTrigger['metricType'], value: number): CpuTrigger => ({
  ...{ type: 'cpu', name: 'cpu', metricType, value },
})

const utilization = table(
  'Utilization: ceil(used / requested in whole percent / target * ready pods); without a sample a pod is idle on the way up, and full on the way down',
  `${calculator}, GetResourceReplicas; kubernetes pkg/controller/podautoscaler/metrics/utilization.go`,
  [
    [50, 2, [100, 100], 4],
    [50, 2, [52, 53], 2],
    [50, 2, [55, 55], 2],
    [50, 2, [56, 55], 2],
    [50, 2, [57, 57], 3],
    [50, 2, [10, 10], 1],
    [50, 3, [50, 50, 0], 2],
    // Up: what is missing or not ready counts as idle.
    [50, 2, [100, null], 2],
    [50, 2, [200, null], 4],
    [50, 2, [200, '0'], 4],
    [50, 2, [100, '100'], 2],
    [50, 3, [400, null, '5'], 8],
    // Down: what is missing counts as full, what is not ready not at all.
    [50, 2, [10, null], 2],
    [80, 2, [10, null], 2],
    [80, 4, [10, 10, 10, null], 2],
    [150, 2, [30, null], 2],
    [50, 2, [10, '0'], 1],
    [50, 3, [10, '100', null], 3],
    // Fewer pods than there are to be: the count follows the pods when nothing is assumed of any, and stays when something is.
    [50, 5, [75, 75], 3],
    [50, 5, [150, null], 5],
    // Nobody to ask.
    [50, 2, [null, null], 2],
    [50, 2, ['100', '100'], 2],
    [50, 2, [], 2],
  ] as const,
  (target, replicas, used, expected) => ({
    object: { ...bare, minReplicas: 1, triggers: [cpu('Utilization', target)] },
    replicas,
    ...{ running: used.length, readings: { kind: 'cpu', pods: used.map(podOf) }, expected },
  }),
)

const averageValue = table(
  'AverageValue: ceil(average in whole thousandths / target * ready pods); without a sample a pod is at the target on the way down; target 200m',
  `${calculator}, calcPlainMetricReplicas`,
  [
    [2, [300, 300], 3],
    [2, [210, 210], 2],
    [2, [220, 221], 2],
    [2, [222, 222], 3],
    [2, [100, 100], 1],
    [2, [100, null], 2],
    [4, [20, 20, 20, null], 2],
    [2, [500, null], 3],
    [2, [300, '0'], 2],
  ] as const,
  (replicas, used, expected) => ({
    object: { ...bare, minReplicas: 1, triggers: [cpu('AverageValue', 200)] },
    ...{ replicas, readings: { kind: 'cpu', pods: used.map(podOf) }, expected },
  }),
)

const beside = table(
  'beside a queue the higher proposal counts; a cpu that is not known forbids scale-in alone; target 50 %, value 20, 2 replicas',
  'kubernetes pkg/controller/podautoscaler/horizontal.go, computeReplicasForMetrics',
  [
    [[100, 100], 20, 4],
    [[10, 10], 100, 5],
    [[10, 10], 20, 1],
    [[null, null], 100, 5],
    [[null, null], 20, 2],
  ] as const,
  (used, backlog, expected) => ({
    object: { ...bare, triggers: [cpu('Utilization', 50), queueTrigger] },
    ...{ replicas: 2, readings: [{ kind: 'cpu', pods: used.map(podOf) }, messages(backlog)], expected },
  }),
)

export const cpuTables: readonly Table[] = [utilization, averageValue, beside]
