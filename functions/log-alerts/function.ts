import { defineConsumer, each, text } from '#runtime'
import { Alerts } from './alerts.ts'

/**
 * Posts the lines that match a pattern to a webhook, each as `{ "id": …, "line": … }`. A queue of its own on the exchange of
 * `logs`: it sees every line, and a slow webhook holds up nobody else.
 */
export default defineConsumer({
  queue: 'log-alerts',
  exchange: 'logs',
  decode: text,
  // A handler waits here far more than it computes: many at once in one process beat many processes.
  concurrency: 50,
  env: {
    ALERT_URL: { secret: true, description: 'the http or https address that alerts are posted to' },
    ALERT_PATTERN: { default: '\\b(ERROR|FATAL)\\b', description: 'a regular expression; lines that match are posted' },
    ALERT_TIMEOUT_MS: { default: '5000', description: 'how long the webhook may take for one alert, in ms' },
  },
  setup: (ctx) => new Alerts(ctx.env),
  handle: each(async (delivery, ctx, alerts: Alerts) => {
    if (alerts.match(delivery.body)) await alerts.post(delivery.id, delivery.body, ctx.signal)
  }),
})
