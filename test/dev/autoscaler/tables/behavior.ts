import { defaultBehavior, type ScalingRules } from '../../../../dev/autoscaler/scaled-object.ts'
import { messages } from '../objects.ts'
import { behaving, controller, percent, pods, type Table, table } from './vector.ts'

type Past = readonly (readonly [count: number, secondsAgo: number])[]

const recommendations = (past: Past) => past.map(([replicas, ago]) => ({ replicas, atMs: 1_000_000 - ago * 1000 }))
const changes = (past: Past) => past.map(([change, ago]) => ({ change, atMs: 1_000_000 - ago * 1000 }))
const history = (recommended: Past, changed: Past = []) => {
  return { recommendations: recommendations(recommended), changes: changes(changed) }
}
/** Long ago, so that it is in no window. */
const calm: Past = [[1, 900]]
const many = messages(100_000)
const none = messages(0)

const withoutBehavior = table(
  'without behaviour: out to at most twice as many, or 4',
  `${controller}, convertDesiredReplicasWithRules and calculateScaleUpLimit`,
  [
    [1, 4],
    [2, 4],
    [3, 6],
    [5, 10],
    [16, 32],
    [60, 100],
  ] as const,
  (replicas, expected) => ({ at: 1000, history: history(calm), replicas, readings: many, expected }),
)

const withoutBehaviorWindow = table(
  'without behaviour: the highest recommendation of 300 s counts, those of exactly 300 s ago too, and it may also scale out',
  `${controller}, stabilizeRecommendation: rec.timestamp.Before(cutoff) is old`,
  [
    [8, [[8, 299]], 8],
    [8, [[8, 300]], 8],
    [8, [[8, 301]], 1],
    [8, [[5, 100]], 5],
    [8, [[12, 10]], 12],
    [8, [[40, 10]], 16],
    [
      8,
      [
        [3, 20],
        [6, 10],
      ],
      6,
    ],
  ] as const,
  (replicas, past, expected) => ({ at: 1000, history: history(past), replicas, readings: none, expected }),
)

const defaultUp = table(
  'the default behaviour: out by 4 or by as many as there are, whichever is more, in 15 s',
  'kubernetes pkg/apis/autoscaling/v2/defaults.go, scaleUpRules; the walkthrough of HorizontalPodAutoscaler, "Default Behavior"',
  [
    [1, [], 5],
    [2, [], 6],
    [3, [], 7],
    [4, [], 8],
    [5, [], 10],
    [10, [], 20],
    [60, [], 100],
    [5, [[4, 10]], 5],
    [5, [[4, 14.9]], 5],
    [5, [[4, 15]], 10],
    [5, [[4, 16]], 10],
    [
      9,
      [
        [4, 14],
        [-2, 5],
      ],
      14,
    ],
    [10, [[8, 10]], 10],
  ] as const,
  (replicas, past, expected) => ({
    object: { behavior: defaultBehavior },
    ...{ at: 1000, history: history(calm, past), replicas, readings: many, expected },
  }),
)

const defaultDown = table(
  'the default behaviour: in to the highest recommendation of 300 s, those of exactly 300 s ago not, and never out by it',
  `${controller}, stabilizeRecommendationWithBehaviors: rec.timestamp.After(cutoff) counts`,
  [
    [8, [[8, 299]], 8],
    [8, [[8, 300]], 1],
    [8, [[8, 301]], 1],
    [8, [[5, 100]], 5],
    [8, [[12, 10]], 8],
    [
      8,
      [
        [3, 20],
        [6, 10],
      ],
      6,
    ],
  ] as const,
  (replicas, past, expected) => ({
    object: { behavior: defaultBehavior },
    ...{ at: 1000, history: history(past), replicas, readings: none, expected },
  }),
)

const policyUp = (...policies: ScalingRules['policies']) => ({ policies })

const upPolicies = table(
  'scale-out: from where the period began, plus pods, or times percent rounded up; Max takes the most, Min the least, Disabled nothing',
  `${controller}, calculateScaleUpLimitWithScalingRules. n.b. 100 * 1.1 is above 110 in floating point, so 111 there too`,
  [
    [policyUp(pods(2, 60)), 3, [], 5],
    [policyUp(pods(2, 60)), 3, [[1, 30]], 4],
    [policyUp(pods(2, 60)), 3, [[2, 30]], 3],
    [policyUp(pods(2, 60)), 3, [[2, 60]], 5],
    [policyUp(pods(2, 60)), 3, [[-2, 30]], 7],
    [policyUp(percent(10, 60)), 1, [], 2],
    [policyUp(percent(10, 60)), 10, [], 11],
    [policyUp(percent(10, 60)), 15, [], 17],
    [policyUp(percent(10, 60)), 100, [], 111],
    [policyUp(percent(200, 60)), 3, [], 9],
    [policyUp(percent(50, 30)), 9, [[3, 20]], 9],
    [policyUp(pods(4, 15), percent(100, 15)), 2, [], 6],
    [policyUp(pods(4, 15), percent(100, 15)), 20, [], 40],
    [{ ...policyUp(pods(4, 15), percent(100, 15)), selectPolicy: 'Min' }, 1, [], 2],
    [{ ...policyUp(pods(4, 15), percent(100, 15)), selectPolicy: 'Min' }, 10, [], 14],
    [{ ...policyUp(pods(4, 15), pods(6, 60)), selectPolicy: 'Min' }, 11, [[4, 30]], 13],
    [policyUp(pods(4, 15), pods(6, 60)), 11, [[4, 30]], 15],
    [{ ...policyUp(pods(4, 15)), selectPolicy: 'Disabled' }, 5, [], 5],
  ] as const,
  (scaleUp, replicas, past, expected) => ({
    object: { ...behaving(scaleUp as Partial<ScalingRules>), maxReplicas: 1000 },
    ...{ at: 1000, history: history(calm, past), replicas, readings: many, expected },
  }),
)

const downPolicies = table(
  'scale-in: from where the period began, less pods, or percent rounded down; Max takes the most, Min the least, Disabled nothing',
  `${controller}, calculateScaleDownLimitWithBehaviors`,
  [
    [{ policies: [percent(100, 15)] }, 10, [], 1],
    [{ policies: [percent(50, 60)] }, 10, [], 5],
    [{ policies: [percent(50, 60)] }, 5, [], 2],
    [{ policies: [percent(50, 60)] }, 3, [], 1],
    [{ policies: [percent(50, 60)] }, 1, [], 1],
    [{ policies: [percent(50, 60)] }, 5, [[-5, 30]], 5],
    [{ policies: [percent(50, 60)] }, 5, [[-5, 60]], 2],
    [{ policies: [percent(10, 60)] }, 10, [], 9],
    [{ policies: [percent(10, 60)] }, 9, [], 8],
    [{ policies: [percent(10, 60)] }, 5, [], 4],
    [{ policies: [pods(1, 60)] }, 5, [], 4],
    [{ policies: [pods(1, 60)] }, 5, [[-1, 30]], 5],
    [{ policies: [pods(1, 60)] }, 5, [[-1, 61]], 4],
    [{ policies: [pods(1, 60)] }, 6, [[3, 10]], 2],
    [{ policies: [pods(3, 60), percent(50, 60)] }, 10, [], 5],
    [{ policies: [pods(3, 60), percent(50, 60)] }, 4, [], 1],
    [{ policies: [pods(3, 60), percent(50, 60)], selectPolicy: 'Min' }, 10, [], 7],
    [{ policies: [pods(3, 60), percent(50, 60)], selectPolicy: 'Min' }, 4, [], 2],
    [{ policies: [percent(100, 15)], selectPolicy: 'Disabled' }, 10, [], 10],
  ] as const,
  (scaleDown, replicas, past, expected) => ({
    object: behaving({}, scaleDown as Partial<ScalingRules>),
    ...{ at: 1000, history: history(calm, past), replicas, readings: none, expected },
  }),
)

const upWindow = { stabilizationMs: 60_000, policies: [pods(1000, 15)] }
const windows = table(
  'windows of 60 s: out to the lowest, in to the highest recommendation in them; between both nothing moves; value 20',
  `${controller}, stabilizeRecommendationWithBehaviors; the walkthrough of HorizontalPodAutoscaler, "Stabilization window"`,
  [
    [1, 100, [[1, 30]], 1],
    [1, 100, [[1, 59.9]], 1],
    [1, 100, [[1, 60]], 5],
    [1, 100, [[3, 30]], 3],
    [
      1,
      100,
      [
        [3, 30],
        [2, 10],
      ],
      2,
    ],
    [
      5,
      140,
      [
        [2, 30],
        [9, 20],
      ],
      5,
    ],
    [5, 140, [[6, 30]], 6],
    [5, 60, [[4, 30]], 4],
    [5, 60, [[7, 30]], 5],
    [5, 60, [[7, 61]], 3],
    [5, 60, [[1, 30]], 3],
  ] as const,
  (replicas, backlog, past, expected) => ({
    object: behaving(upWindow, { stabilizationMs: 60_000 }),
    ...{ at: 1000, history: history(past), replicas, readings: messages(backlog), expected },
  }),
)

export const behaviorTables: readonly Table[] = [
  withoutBehavior,
  withoutBehaviorWindow,
  defaultUp,
  defaultDown,
  upPolicies,
  downPolicies,
  windows,
]
