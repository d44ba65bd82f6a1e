import { failed, messages, queueTrigger } from '../objects.ts'
import { bare, behaving, calculator, controller, pods, type Table, table } from './vector.ts'

const perPod = `${calculator}, GetExternalPerPodMetricReplicas`

const average = table(
  'AverageValue: ceil(messages / value), unless messages / (value * pods) is within the tolerance; value 20',
  `${perPod}; the first nine are those of the project's notes on the platform`,
  [
    [1, 20, 1],
    [1, 23, 2],
    [1, 41, 3],
    [5, 100, 5],
    [5, 109, 5],
    [5, 111, 6],
    [5, 89, 5],
    [5, 0, 1],
    [10, 210, 10],
    [1, 0, 1],
    [1, 1, 1],
    [1, 17, 1],
    [1, 21, 1],
    [1, 39, 2],
    [1, 40, 2],
    [2, 20, 1],
    [2, 21, 2],
    [2, 35, 2],
    [2, 41, 2],
    [2, 43, 2],
    [2, 45, 3],
    [3, 400, 20],
    [4, 60, 3],
    [4, 61, 4],
    [4, 71, 4],
    [4, 79, 4],
    [7, 120, 6],
    [7, 125, 7],
    [7, 155, 8],
    [10, 1, 1],
    [10, 179, 9],
    [10, 181, 10],
    [10, 219, 10],
    [10, 221, 12],
    [50, 899, 45],
    [50, 1099, 50],
    [50, 1101, 56],
    [100, 2201, 111],
    [1, 1_000_000, 1000],
  ] as const,
  (replicas, backlog, expected) => ({ object: bare, replicas, readings: messages(backlog), expected }),
)

const values = table(
  'a value counts in thousandths, what is behind them is cut off',
  `${perPod}; keda pkg/scalers/scaler.go, GetMetricTargetMili: int64(value * 1000)`,
  [
    [7.5, 1, 8, 1],
    [7.5, 1, 9, 2],
    [7.5, 3, 22, 3],
    [7.5, 3, 30, 4],
    [0.5, 1, 1, 2],
    [0.5, 4, 2, 4],
    [0.0015, 1, 1, 1000],
    [1000, 1, 1, 1],
    [1000, 1, 1101, 2],
    [1000, 2, 2201, 3],
  ] as const,
  (value, replicas, backlog, expected) => ({
    object: { ...bare, triggers: [{ ...queueTrigger, value }] },
    ...{ replicas, readings: messages(backlog), expected },
  }),
)

const status = table(
  'what the average is taken over, and what stays when it is within the tolerance, are the pods that exist',
  `${perPod}: statusReplicas; 0 pods make an infinite ratio, or none at all for 0 messages, and neither is within`,
  [
    [5, 3, 60, 3],
    [1, 0, 50, 3],
    [1, 0, 0, 1],
    [4, 6, 120, 6],
    [2, 4, 30, 2],
  ] as const,
  (replicas, running, backlog, expected) => ({
    ...{ object: bare, replicas, running, ready: running, readings: messages(backlog), expected },
  }),
)

const value = table(
  'Value: ceil(messages / value * ready pods), unless messages / value is within the tolerance; value 20',
  `${calculator}, GetExternalMetricReplicas and getUsageRatioReplicaCount; without any pod it is an error (getReadyPodsCount)`,
  [
    [4, 4, 4, 20, 4],
    [4, 4, 4, 21, 4],
    [4, 4, 4, 40, 8],
    [4, 4, 3, 40, 6],
    [4, 4, 0, 40, 1],
    [4, 4, 2, 21, 4],
    [4, 4, 2, 10, 1],
    [3, 3, 3, 30, 5],
    [1, 1, 1, 23, 2],
    [3, 0, 0, 40, 3],
  ] as const,
  (replicas, running, ready, backlog, expected) => ({
    object: { ...bare, triggers: [{ ...queueTrigger, metricType: 'Value' }] },
    ...{ replicas, running, ready, readings: messages(backlog), expected },
  }),
)

const tolerance = table(
  'a tolerance for each direction, both ends within it; 10 replicas, value 20',
  `${calculator}, Tolerances.isWithin: 1 - down <= ratio <= 1 + up`,
  [
    [0.5, 0, 299, 10],
    [0.5, 0, 300, 10],
    [0.5, 0, 301, 16],
    [0.5, 0, 200, 10],
    [0.5, 0, 199, 10],
    [0.5, 0, 180, 9],
    [0, 0.5, 201, 11],
    [0, 0.5, 200, 10],
    [0, 0.5, 100, 10],
    [0, 0.5, 99, 5],
    [0, 0, 201, 11],
    [0, 0, 180, 9],
    [1, 0.75, 400, 10],
    [1, 0.75, 401, 21],
    [1, 0.75, 50, 10],
    [1, 0.75, 49, 3],
    [0.1, 0.1, 220, 10],
    [0.1, 0.1, 180, 10],
  ] as const,
  (up, down, backlog, expected) => ({
    object: { ...behaving({ policies: [pods(1000, 15)], tolerance: up }, { tolerance: down }) },
    ...{ replicas: 10, readings: messages(backlog), expected },
  }),
)

const unbuilt = { kind: 'unbuilt', cause: 'ECONNREFUSED' } as const

const several = table(
  'of several metrics the highest proposal counts; one that is missing forbids scale-in, and only that; values 20 and 5, 3 replicas',
  `${controller}, computeReplicasForMetrics; a scaler that cannot be built takes all metrics with it: keda pkg/scaling/scale_handler.go, GetScaledObjectMetrics`,
  [
    [messages(60), messages(0), 3],
    [messages(20), messages(21), 5],
    [messages(90), messages(21), 5],
    [messages(0), messages(0), 1],
    [messages(0), messages(5), 1],
    [failed, messages(21), 5],
    [messages(120), failed, 6],
    [failed, messages(15), 3],
    [failed, messages(5), 3],
    [messages(0), failed, 3],
    [failed, failed, 3],
    [unbuilt, messages(100), 3],
    [messages(100), unbuilt, 3],
  ] as const,
  (first, second, expected) => ({
    object: { ...bare, triggers: [queueTrigger, { ...queueTrigger, queue: 'other', value: 5 }] },
    ...{ replicas: 3, readings: [first, second], expected },
  }),
)

const clamps = table(
  'a count outside the clamps is put inside without asking for a metric; inside, they hold the proposal; at 0 the HPA rests',
  `${controller}, reconcileAutoscaler; keda apis/keda/v1alpha1/scaledobject_types.go, GetHPAMinReplicas: at least 1`,
  [
    [2, 4, 9, messages(0), 4],
    [2, 4, 9, failed, 4],
    [2, 4, 1, messages(0), 2],
    [2, 4, 1, failed, 2],
    [2, 4, 0, messages(900), 0],
    [0, 4, 0, messages(900), 0],
    [2, 4, 3, messages(0), 2],
    [2, 4, 3, messages(900), 4],
    [4, 4, 4, messages(900), 4],
    [4, 4, 4, messages(0), 4],
    [0, 4, 3, messages(0), 1],
    [0, 1, 1, messages(900), 1],
  ] as const,
  (minReplicas, maxReplicas, replicas, reading, expected) => ({
    object: { ...bare, minReplicas, maxReplicas },
    ...{ replicas, readings: reading, expected },
  }),
)

export const formulaTables: readonly Table[] = [average, values, status, value, tolerance, several, clamps]
