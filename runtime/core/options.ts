/**
 * Every whole number a user can set, in one table: where it stands in the spec, the environment variable that overrides
 * it, its range, its default. The spec check, the reading of the environment and `docs/reference/configuration.md` follow it.
 */
export interface IntegerOption {
  /** Path in the spec, or null if only the environment sets it. */
  readonly spec: string | null
  /** The variable that overrides it, or null if the spec alone sets it. */
  readonly env: string | null
  readonly min: number
  readonly max: number
  readonly default: number
  readonly meaning: string
}

const day = 86_400_000

const shared = {
  linesPerMessage: {
    spec: 'linesPerMessage',
    env: 'KEDAFN_LINES_PER_MESSAGE',
    min: 1,
    max: 1000,
    default: 1,
    meaning:
      'up to how many lines a message carries: a producer packs what is there, at most 16 KiB; a consumer divides its prefetch by it',
  },
  graceMs: {
    spec: null,
    env: 'KEDAFN_GRACE_MS',
    min: 1000,
    max: 3_600_000,
    default: 30_000,
    meaning: 'the time from SIGTERM to exit, in ms',
  },
  reconnectBudgetMs: {
    spec: null,
    env: 'KEDAFN_RECONNECT_BUDGET_MS',
    min: 1000,
    max: 3_600_000,
    default: 300_000,
    meaning: 'how long it may be without a session with the broker before it is no longer live, in ms',
  },
  metricsPort: {
    spec: null,
    env: 'OTEL_EXPORTER_PROMETHEUS_PORT',
    min: 0,
    max: 65_535,
    default: 9464,
    meaning: 'the port of `/metrics`, `/livez` and `/readyz`; 0 takes any that is free',
  },
} as const satisfies Record<string, IntegerOption>

export const consumerOptions = {
  batchSize: {
    spec: 'batch.size',
    env: 'KEDAFN_BATCH_SIZE',
    min: 1,
    max: 10_000,
    default: 100,
    meaning: 'the most deliveries a handler gets at once; 1 by default for `each`',
  },
  batchMaxWaitMs: {
    spec: 'batch.maxWaitMs',
    env: 'KEDAFN_BATCH_MAX_WAIT_MS',
    min: 0,
    max: 60_000,
    default: 0,
    meaning: 'how long the first delivery of a batch waits for more, in ms',
  },
  concurrency: {
    spec: 'concurrency',
    env: 'KEDAFN_CONCURRENCY',
    min: 1,
    max: 1000,
    default: 1,
    meaning: 'how many handlers run at once in one process; 10 by default for `each`',
  },
  timeoutMs: {
    spec: 'timeoutMs',
    env: 'KEDAFN_TIMEOUT_MS',
    min: 10,
    max: 1_500_000,
    default: 300_000,
    meaning:
      'how long a handler may take for one batch, in ms; well under the 30 minutes that RabbitMQ waits for an ack',
  },
  scaleMin: {
    spec: 'scale.min',
    env: null,
    min: 0,
    max: 1000,
    default: 0,
    meaning: 'the fewest replicas',
  },
  scaleMax: {
    spec: 'scale.max',
    env: null,
    min: 1,
    max: 1000,
    default: 10,
    meaning: 'the most replicas',
  },
  messagesPerReplica: {
    spec: 'scale.messagesPerReplica',
    env: null,
    min: 1,
    max: 1_000_000,
    default: 100,
    meaning: 'the queue length that one replica is for; by default at least the prefetch',
  },
  attempts: {
    spec: 'retry.attempts',
    env: 'KEDAFN_RETRY_ATTEMPTS',
    min: 1,
    max: 100,
    default: 5,
    meaning: 'how often a delivery is tried before it goes to dead letters',
  },
  firstDelayMs: {
    spec: 'retry.firstDelayMs',
    env: 'KEDAFN_RETRY_FIRST_DELAY_MS',
    min: 10,
    max: day,
    default: 1000,
    meaning: 'the delay before the second attempt, in ms; doubled for each one after',
  },
  maxDelayMs: {
    spec: 'retry.maxDelayMs',
    env: 'KEDAFN_RETRY_MAX_DELAY_MS',
    min: 10,
    max: day,
    default: 60_000,
    meaning: 'no delay is longer, in ms',
  },
  maxAgeMs: {
    spec: 'retry.maxAgeMs',
    env: 'KEDAFN_RETRY_MAX_AGE_MS',
    min: 1000,
    max: 30 * day,
    default: 7 * day,
    meaning: 'a delivery that has been failing for longer goes to dead letters, in ms since its first failure',
  },
  maxDeliveries: {
    spec: null,
    env: 'KEDAFN_MAX_DELIVERIES',
    min: 0,
    max: 1_000_000,
    default: 0,
    meaning: 'ends by itself, with exit code 0, once so many deliveries are settled; 0 never does',
  },
  idleMs: {
    spec: null,
    env: 'KEDAFN_IDLE_MS',
    min: 1,
    max: 3_600_000,
    default: 10_000,
    meaning: 'with `KEDAFN_MAX_DELIVERIES`: ends earlier if nothing has come for this long, in ms',
  },
  ...shared,
} as const satisfies Record<string, IntegerOption>

export const producerOptions = {
  window: {
    spec: null,
    env: 'KEDAFN_WINDOW',
    min: 1,
    max: 10_000,
    default: 1000,
    meaning: 'the most messages published and not yet confirmed',
  },
  maxLineBytes: {
    spec: null,
    env: 'KEDAFN_MAX_LINE_BYTES',
    min: 1,
    max: 16_777_216,
    default: 16_777_216,
    meaning: 'a longer line goes to dead letters, in parts of this size',
  },
  checkpointLines: {
    spec: null,
    env: 'KEDAFN_CHECKPOINT_LINES',
    min: 1,
    max: 1_000_000,
    default: 1000,
    meaning: 'the most confirmed lines between two checkpoints',
  },
  checkpointMs: {
    spec: null,
    env: 'KEDAFN_CHECKPOINT_MS',
    min: 1,
    max: 60_000,
    default: 100,
    meaning: 'the longest time between two checkpoints while lines are confirmed, in ms',
  },
  ...shared,
} as const satisfies Record<string, IntegerOption>

export interface TextOption {
  readonly default: string
  /** The only values accepted. */
  readonly choices?: readonly string[]
  readonly meaning: string
}

/** The other variables that the runtime reads. */
export const textOptions = {
  AMQP_URL: {
    default: 'amqp://guest:guest@127.0.0.1:5672',
    meaning:
      'the broker: amqp:// or amqps://, user, password and vhost percent-encoded; several, parted by commas, are tried in turn',
  },
  AMQP_URL_FILE: { default: '', meaning: 'a file that holds what `AMQP_URL` would' },
  AMQP_USERNAME: { default: '', meaning: 'the user, instead of that in `AMQP_URL`, as it is: not percent-encoded' },
  AMQP_USERNAME_FILE: { default: '', meaning: 'a file that holds what `AMQP_USERNAME` would' },
  AMQP_PASSWORD: { default: '', meaning: 'the password, as it is; set together with `AMQP_USERNAME`' },
  AMQP_PASSWORD_FILE: { default: '', meaning: 'a file that holds what `AMQP_PASSWORD` would' },
  AMQP_VHOST: { default: '', meaning: 'the vhost, instead of that in `AMQP_URL`, as it is' },
  AMQP_CA_FILE: {
    default: '',
    meaning: "the certificates, in PEM form, that the broker's must come from; else those of Node.js",
  },
  AMQP_CERT_FILE: { default: '', meaning: 'the certificate of the client, in PEM form' },
  AMQP_KEY_FILE: { default: '', meaning: 'the key of that certificate, in PEM form' },
  AMQP_KEY_PASSPHRASE: { default: '', meaning: 'what the key is encrypted with, if it is' },
  AMQP_KEY_PASSPHRASE_FILE: { default: '', meaning: 'a file that holds what `AMQP_KEY_PASSPHRASE` would' },
  AMQP_TLS_SERVER_NAME: {
    default: '',
    meaning: "the name that the broker's certificate must have, if it is not the host's",
  },
  KEDAFN_TOPOLOGY: {
    default: 'declare',
    choices: ['declare', 'verify'],
    meaning: '`declare` makes exchanges and queues that are missing, `verify` only checks them',
  },
  KEDAFN_QUEUE_ORDERED: {
    default: 'false',
    choices: ['false', 'true'],
    meaning:
      'producers: `true` makes a missing queue as a consumer with `order` wants it; `npm start` and the manifests see to it',
  },
  KEDAFN_METRICS: {
    default: 'on',
    choices: ['on', 'off'],
    meaning: '`off` opens no port for metrics and probes',
  },
  OTEL_EXPORTER_PROMETHEUS_HOST: { default: '0.0.0.0', meaning: 'the address of the interface that port is opened on' },
  OTEL_TRACES_EXPORTER: {
    default: 'none, or otlp if there is an endpoint',
    meaning: '`otlp` sends traces, if the function was built with `--otlp`; `none` does not',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    default: '',
    meaning: 'where traces are sent: OTLP over HTTP, such as `http://collector:4318`',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    default: '1',
    meaning: 'the part of traces that is sampled, 0 to 1, of those that begin here; all others go by their beginner',
  },
  KEDAFN_TRACE_PARENT: {
    default: 'link',
    choices: ['link', 'parent'],
    meaning:
      'consumers: what a message is to the span that handles it; `parent` is for batches of one, more are linked',
  },
  LOG_LEVEL: {
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    meaning: 'the least severe level that is logged',
  },
  INPUT_PATH: {
    default: "the source's path",
    meaning: 'producers: the file whose lines are sent, or a pattern such as `logs/*.log` for many',
  },
  KEDAFN_CHECKPOINT: {
    default: 'file',
    choices: ['file', 'broker'],
    meaning:
      'producers: where the checkpoint is kept; `broker`, in a queue of its own, needs no disk and takes one file',
  },
  KEDAFN_CHECKPOINT_PATH: {
    default: '.kedafn/<function>.checkpoint',
    meaning: 'producers: where the checkpoint is kept, if that is a file',
  },
  KEDAFN_LOCK: {
    default: 'on',
    choices: ['on', 'off'],
    meaning: 'producers: `on` lets one of those with the same source name work, the others wait to take over',
  },
  KEDAFN_SOURCE: {
    default: "the function's name",
    meaning: 'producers: names the source in the lock and in the checkpoint in the broker; one name for each input',
  },
  KEDAFN_ONCE: {
    default: 'false',
    choices: ['false', 'true'],
    meaning: 'producers: `true` takes the file as complete and ends once all of it is confirmed',
  },
} as const satisfies Readonly<Record<string, TextOption>>

/** How a message names an option: where it stands in the spec, and the variable that overrides it. */
export function labelOf({ spec, env }: IntegerOption): string {
  if (spec === null) return `${env}`
  return env === null ? spec : `${spec} (${env})`
}

export const rangeOf = ({ min, max }: IntegerOption): string => `a whole number from ${min} to ${max}`

export const fits = (value: unknown, { min, max }: IntegerOption): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
