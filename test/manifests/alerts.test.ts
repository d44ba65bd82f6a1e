import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Metric, metrics, prometheusName } from '../../runtime/core/metrics.ts'
import { slugOf } from '../../tooling/render/alert-rules.ts'
import { alerts, recordings } from '../../tooling/render/alerts.ts'
import { readRules } from '../support/alert-rules.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'kedafn-alerts-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const objects = readRules()
// n.b. JSON is YAML.
writeFileSync(join(folder, 'rules.yaml'), JSON.stringify({ groups: objects.flatMap(({ spec }) => spec.groups) }))

const missing = spawnSync('promtool', ['--version']).error !== undefined
const queue = '{vhost="/",queue="logs"}'
const app = 'service_name="fn"'
const hpa = '{namespace="a",horizontalpodautoscaler="keda-hpa-fn"}'

/** A sample a minute: at rest, in trouble, at rest again. Trouble begins at 60 min and ends at 120 min. */
interface Story {
  readonly series: Readonly<Record<string, string>>
  /** When it must fire, min; 100 if nothing is said. */
  readonly firesAt?: number
}
const level = (calm: number, bad: number): string => `${calm}x59 ${bad}x59 ${calm}x120`
const counter = (rise: number): string => `0x60 ${rise}+${rise}x58 ${60 * rise}x120`
/** Rises as long as there is trouble, and falls again. */
const hill = '0x60 100+100x58 6000-100x60 0x60'

const stories: Readonly<Record<string, Story>> = {
  KedafnNoConsumers: {
    series: {
      [`rabbitmq_detailed_queue_messages_ready${queue}`]: '5x240',
      [`rabbitmq_detailed_queue_consumers${queue}`]: level(1, 0),
      // Nobody is to consume this one.
      'rabbitmq_detailed_queue_messages_ready{vhost="/",queue="logs.dead"}': '5x240',
      'rabbitmq_detailed_queue_consumers{vhost="/",queue="logs.dead"}': '0x240',
    },
  },
  KedafnBacklogGrows: { series: { [`rabbitmq_detailed_queue_messages${queue}`]: hill } },
  KedafnAtMaxReplicas: {
    series: {
      [`kube_horizontalpodautoscaler_status_desired_replicas${hpa}`]: level(1, 10),
      [`kube_horizontalpodautoscaler_spec_max_replicas${hpa}`]: '10x240',
      'keda_scaler_metrics_value{namespace="keda",exported_namespace="a",scaledObject="fn"}': hill,
    },
  },
  KedafnDeadLetters: { series: { [`kedafn_dead_letters_total{${app},cause="FN_DROPPED"}`]: counter(1) } },
  KedafnDeadLettersDropped: {
    series: {
      'rabbitmq_global_messages_dead_lettered_rejected_total{dead_letter_strategy="disabled"}': '0x240',
      'rabbitmq_global_messages_dead_lettered_expired_total{dead_letter_strategy="disabled"}': counter(1),
      'rabbitmq_global_messages_dead_lettered_expired_total{dead_letter_strategy="at_least_once"}': '0+5x240',
    },
  },
  KedafnUnroutable: {
    series: {
      [`messaging_client_sent_messages_total{${app},error_type="unroutable"}`]: counter(1),
      [`messaging_client_sent_messages_total{${app}}`]: '0+50x240',
    },
  },
  KedafnScalerErrors: { series: { 'keda_scaled_object_errors_total{scaledObject="fn"}': counter(1) } },
  KedafnPausedTooLong: {
    series: { 'keda_scaled_object_paused{scaledObject="fn"}': '0x59 1x1600 0x200' },
    firesAt: 60 + 1445,
  },
  KedafnKedaDown: { series: { keda_build_info: '1x59 _x60 1x120' } },
  KedafnBrokerAlarm: { series: { rabbitmq_alarms_memory_used_watermark: level(0, 1) } },
  KedafnPublishingBlocked: { series: { [`kedafn_broker_blocked_seconds_total{${app}}`]: counter(50) } },
  KedafnCheckpointStuck: { series: { [`kedafn_checkpoint_age_seconds{${app},pod="a"}`]: level(0.1, 90) } },
  KedafnCheckpointLags: { series: { [`kedafn_checkpoint_lag_lines{${app},pod="a"}`]: '900x59 900+900x59 0x120' } },
  KedafnMessagesOld: {
    series: {
      // At rest all are handled within 5 s; in trouble one in a hundred is older than 5 minutes.
      [`kedafn_message_age_seconds_bucket{${app},le="5"}`]: '0+100x59 6000+99x59 11940+100x120',
      [`kedafn_message_age_seconds_bucket{${app},le="300"}`]: '0+100x59 6000+99x59 11940+100x120',
      [`kedafn_message_age_seconds_bucket{${app},le="900"}`]: '0+100x240',
      [`kedafn_message_age_seconds_bucket{${app},le="+Inf"}`]: '0+100x240',
    },
  },
  KedafnDrainTooLong: { series: { [`kedafn_drain_duration_seconds{${app},pod="a"}`]: level(0, 25) } },
  KedafnCrashLoop: {
    series: {
      [`kedafn_retries_total{${app},cause="FN_CRASH_LOOP"}`]: counter(1),
      [`kedafn_dead_letters_total{${app},cause="FN_CRASH_LOOP"}`]: '0x240',
      [`kedafn_retries_total{${app},cause="FN_HANDLER_FAILED"}`]: '0+9x240',
    },
  },
}

test('promtool accepts the rules', { skip: missing && 'there is no promtool on this machine' }, () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', 'rules.yaml'], {
    cwd: folder,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
})

for (const { alert } of alerts) {
  test(`${alert} does not fire at rest, fires in trouble, and resolves`, {
    skip: missing && 'there is no promtool on this machine',
  }, () => {
    const story = stories[alert]
    assert.ok(story, 'an alert without a test')
    const { series, firesAt = 100 } = story
    const firing = (minute: number, times: number) => ({
      expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
      eval_time: `${minute}m`,
      exp_samples: times === 0 ? [] : [{ labels: '{}', value: times }],
    })
    const tests = {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
          promql_expr_test: [firing(55, 0), firing(firesAt, 1), firing(firesAt + (firesAt > 200 ? 200 : 100), 0)],
        },
      ],
    }
    const file = join(folder, `${alert}.test.yaml`)
    writeFileSync(file, JSON.stringify(tests))
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { cwd: folder, encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
  })
}

const recorded: Readonly<
  Record<string, { readonly series: Readonly<Record<string, string>>; readonly value: number }>
> = {
  'kedafn:message_age_seconds:max5m': {
    series: {
      [`kedafn_message_age_seconds_bucket{${app},le="5"}`]: '0+99x20',
      [`kedafn_message_age_seconds_bucket{${app},le="900"}`]: '0+100x20',
      [`kedafn_message_age_seconds_bucket{${app},le="+Inf"}`]: '0+100x20',
    },
    value: 900,
  },
  'kedafn:lines_per_message:ratio5m': {
    series: {
      [`kedafn_lines_total{${app},outcome="confirmed"}`]: '0+400x20',
      [`kedafn_lines_total{${app},outcome="sent"}`]: '0+999x20',
      [`messaging_client_sent_messages_total{${app}}`]: '0+100x20',
      [`messaging_client_sent_messages_total{${app},error_type="refused"}`]: '0+50x20',
    },
    value: 4,
  },
}

for (const { record } of recordings) {
  test(`${record} is what its series say, and nothing where nothing moves`, {
    skip: missing && 'there is no promtool on this machine',
  }, () => {
    const { series, value } = recorded[record] as (typeof recorded)[string]
    const run = (input: readonly { series: string; values: string }[], exp_samples: readonly object[]) => ({
      interval: '1m',
      input_series: input,
      promql_expr_test: [{ expr: `${record} >= 0`, eval_time: '15m', exp_samples }],
    })
    const input = Object.entries(series).map(([name, values]) => ({ series: name, values }))
    const still = input.map(({ series }) => ({ series, values: '7x20' }))
    const tests = {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: [run(input, [{ labels: `${record}{${app}}`, value }]), run(still, [])],
    }
    const file = join(folder, `${record.replaceAll(':', '-')}.test.yaml`)
    writeFileSync(file, JSON.stringify(tests))
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { cwd: folder, encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
  })
}

test('a drain that tells handlers to give up, or is over its time, fires KedafnDrainTooLong however short it was', {
  skip: missing && 'there is no promtool on this machine',
}, () => {
  const outcomes = { aborted: 1, over_budget: 1, complete: 0, second_signal: 0, pending: 0, failed: 0 }
  const tests = {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: Object.entries(outcomes).map(([outcome, times]) => ({
      interval: '1m',
      input_series: [{ series: `kedafn_drain_outcome{${app},pod="a",outcome="${outcome}"}`, values: '1x10' }],
      alert_rule_test: [],
      promql_expr_test: [
        {
          expr: 'count(ALERTS{alertname="KedafnDrainTooLong"})',
          eval_time: '5m',
          exp_samples: times === 0 ? [] : [{ labels: '{}', value: times }],
        },
      ],
    })),
  }
  writeFileSync(join(folder, 'drain.test.yaml'), JSON.stringify(tests))
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'drain.test.yaml'], {
    cwd: folder,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
})

/** Each is a pod that lived for some minutes, and what it had done when it was scraped first. */
const young: Readonly<Record<string, string>> = {
  'gave a message up before it was scraped': '_x9 1x4 _x30',
  'gave another up later': '_x9 0x2 1x2 _x30',
  'gave up none': '_x9 0x4 _x30',
}
for (const [what, values] of Object.entries(young)) {
  test(`KedafnDeadLetters and KedafnCrashLoop of a pod that is gone soon and ${what}`, {
    skip: missing && 'there is no promtool on this machine',
  }, () => {
    const fires = (minute: number) => (what.endsWith('none') || minute > 30 ? [] : [{ labels: '{}', value: 2 }])
    const tests = {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: [{ series: `kedafn_dead_letters_total{${app},pod="a",cause="FN_CRASH_LOOP"}`, values }],
          promql_expr_test: [13, 17, 35].map((minute) => ({
            expr: 'count(ALERTS{alertname=~"KedafnDeadLetters|KedafnCrashLoop",alertstate="firing"})',
            eval_time: `${minute}m`,
            exp_samples: fires(minute),
          })),
        },
      ],
    }
    writeFileSync(join(folder, 'young.test.yaml'), JSON.stringify(tests))
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'young.test.yaml'], {
      cwd: folder,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout + stderr)
  })
}

test('every metric of ours that an alert asks for is one that functions have', () => {
  const names = new Set(Object.entries<Metric>(metrics).map(([name, metric]) => prometheusName(name, metric)))
  for (const { expr } of [...alerts, ...recordings]) {
    for (const [name] of expr.matchAll(/\b(?:kedafn|messaging|faas)_[a-z_]+/g))
      assert.ok(names.has(name.replace(/_bucket$/, '')), `${expr}: ${name}`)
  }
})

test('each alert is an object of its own, in a file of its name, with its page in the runbook', () => {
  const names = alerts.map(({ alert }) => alert)
  assert.deepEqual(
    objects.flatMap(({ spec }) => spec.groups.map(({ name }) => name)).sort(),
    ['kedafn', ...names].sort(),
  )
  for (const { metadata, spec } of objects) {
    assert.equal(spec.groups.length, 1)
    const [{ name = '' } = {}] = spec.groups
    assert.equal(metadata.name, `kedafn-${name === 'kedafn' ? 'recordings' : slugOf(name)}`)
  }
  const pages = join(root, 'docs', 'runbooks')
  assert.deepEqual(readdirSync(pages).sort(), ['README.md', ...names.map((name) => `${slugOf(name)}.md`)].sort())
  const index = readFileSync(join(pages, 'README.md'), 'utf8')
  for (const name of names) {
    assert.ok(readFileSync(join(pages, `${slugOf(name)}.md`), 'utf8').startsWith(`# ${name}\n`), name)
    assert.ok(index.includes(`[${name}](${slugOf(name)}.md)`), name)
  }
})
