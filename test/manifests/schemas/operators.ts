import { resources } from './pods.ts'
import {
  anything,
  labels,
  list,
  map,
  object,
  oneOf,
  type Schema,
  selector,
  shape,
  text,
  textOrWhole,
  whole,
  yesNo,
} from './shapes.ts'

const endpoints = {
  port: text,
  targetPort: textOrWhole,
  path: text,
  scheme: oneOf('http', 'https'),
  interval: text,
  scrapeTimeout: text,
  honorLabels: yesNo,
  relabelings: list(
    shape({
      sourceLabels: list(text),
      separator: text,
      targetLabel: text,
      regex: text,
      replacement: text,
      action: text,
    }),
  ),
  params: map(list(text)),
}
const monitored = {
  'selector!': selector,
  namespaceSelector: shape({ any: yesNo, matchNames: list(text) }),
  jobLabel: text,
}

const cluster = shape({ 'name!': text, namespace: text })
const retained = oneOf('delete', 'retain')
/** An object of the broker: which cluster, and what. */
const inCluster = (fields: Readonly<Record<string, Schema>>): Schema =>
  object({ 'spec!': shape({ 'rabbitmqClusterReference!': cluster, ...fields }) })

/** The kinds of the Prometheus operator and of RabbitMQ's two. */
export const operators: Readonly<Record<string, Schema>> = {
  'monitoring.coreos.com/v1/PodMonitor': object({
    'spec!': shape({ ...monitored, podTargetLabels: list(text), 'podMetricsEndpoints!': list(shape(endpoints)) }),
  }),
  'monitoring.coreos.com/v1/ServiceMonitor': object({
    'spec!': shape({ ...monitored, targetLabels: list(text), 'endpoints!': list(shape(endpoints)) }),
  }),
  'monitoring.coreos.com/v1/PrometheusRule': object({
    'spec!': shape({
      groups: list(
        shape({
          'name!': text,
          interval: text,
          labels,
          rules: list(
            shape({
              'expr!': textOrWhole,
              alert: text,
              record: text,
              for: text,
              keep_firing_for: text,
              labels,
              annotations: labels,
            }),
          ),
        }),
      ),
    }),
  }),
  'rabbitmq.com/v1beta1/RabbitmqCluster': object({
    'spec!': shape({
      replicas: whole,
      image: text,
      resources,
      persistence: shape({ storage: textOrWhole, storageClassName: text }),
      rabbitmq: shape({ additionalConfig: text, advancedConfig: text, envConfig: text, additionalPlugins: list(text) }),
      terminationGracePeriodSeconds: whole,
      delayStartSeconds: whole,
      autoEnableAllFeatureFlags: yesNo,
    }),
  }),
  'rabbitmq.com/v1beta1/Vhost': inCluster({
    'name!': text,
    defaultQueueType: oneOf('quorum', 'classic', 'stream'),
    tags: list(text),
    tracing: yesNo,
    deletionPolicy: retained,
  }),
  'rabbitmq.com/v1beta1/Queue': inCluster({
    'name!': text,
    vhost: text,
    type: oneOf('quorum', 'classic', 'stream'),
    durable: yesNo,
    autoDelete: yesNo,
    deletionPolicy: retained,
    arguments: anything,
  }),
  'rabbitmq.com/v1beta1/Exchange': inCluster({
    'name!': text,
    vhost: text,
    type: oneOf('fanout', 'direct', 'topic', 'headers'),
    durable: yesNo,
    autoDelete: yesNo,
    deletionPolicy: retained,
    arguments: anything,
  }),
  'rabbitmq.com/v1beta1/Binding': inCluster({
    vhost: text,
    source: text,
    destination: text,
    destinationType: oneOf('queue', 'exchange'),
    routingKey: text,
    arguments: anything,
  }),
  'rabbitmq.com/v1beta1/User': inCluster({
    tags: list(oneOf('management', 'policymaker', 'monitoring', 'administrator')),
    importCredentialsSecret: shape({ 'name!': text }),
  }),
  'rabbitmq.com/v1beta1/Permission': inCluster({
    'vhost!': text,
    user: text,
    userReference: shape({ 'name!': text }),
    'permissions!': shape({ configure: text, write: text, read: text }),
  }),
}
