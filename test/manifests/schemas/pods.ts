import { labels, list, map, oneOf, type Schema, selector, shape, text, textOrWhole, whole, yesNo } from './shapes.ts'

/** Pods, as far as they are used here. A field of Kubernetes that is missing can be added; one that it has not cannot. */

const keyRef = shape({ 'name!': text, 'key!': text, optional: yesNo })
const environment = shape({
  'name!': text,
  value: text,
  valueFrom: shape({
    secretKeyRef: keyRef,
    configMapKeyRef: keyRef,
    fieldRef: shape({ 'fieldPath!': text, apiVersion: text }),
  }),
})

const probe = shape({
  httpGet: shape({ 'port!': textOrWhole, path: text, scheme: oneOf('HTTP', 'HTTPS'), host: text }),
  tcpSocket: shape({ 'port!': textOrWhole, host: text }),
  exec: shape({ command: list(text) }),
  initialDelaySeconds: whole,
  periodSeconds: whole,
  timeoutSeconds: whole,
  successThreshold: whole,
  failureThreshold: whole,
  terminationGracePeriodSeconds: whole,
})

export const resources = shape({ requests: map(textOrWhole), limits: map(textOrWhole) })
const seccompProfile = shape({
  'type!': oneOf('RuntimeDefault', 'Localhost', 'Unconfined'),
  localhostProfile: text,
})
const sourceOfAll = shape({ 'name!': text, optional: yesNo })

const container = shape({
  'name!': text,
  'image!': text,
  imagePullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
  command: list(text),
  args: list(text),
  workingDir: text,
  env: list(environment),
  envFrom: list(shape({ prefix: text, configMapRef: sourceOfAll, secretRef: sourceOfAll })),
  ports: list(shape({ 'containerPort!': whole, name: text, protocol: oneOf('TCP', 'UDP', 'SCTP') })),
  resources,
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
  securityContext: shape({
    allowPrivilegeEscalation: yesNo,
    readOnlyRootFilesystem: yesNo,
    runAsNonRoot: yesNo,
    runAsUser: whole,
    runAsGroup: whole,
    capabilities: shape({ add: list(text), drop: list(text) }),
    seccompProfile,
  }),
  terminationMessagePath: text,
  terminationMessagePolicy: oneOf('File', 'FallbackToLogsOnError'),
  volumeMounts: list(shape({ 'name!': text, 'mountPath!': text, subPath: text, subPathExpr: text, readOnly: yesNo })),
})

const items = list(shape({ 'key!': text, 'path!': text, mode: whole }))
const volume = shape({
  'name!': text,
  emptyDir: shape({ medium: text, sizeLimit: textOrWhole }),
  persistentVolumeClaim: shape({ 'claimName!': text, readOnly: yesNo }),
  configMap: shape({ name: text, optional: yesNo, defaultMode: whole, items }),
  secret: shape({ secretName: text, optional: yesNo, defaultMode: whole, items }),
})

export const podSpec = shape({
  serviceAccountName: text,
  automountServiceAccountToken: yesNo,
  enableServiceLinks: yesNo,
  terminationGracePeriodSeconds: whole,
  restartPolicy: oneOf('Always', 'OnFailure', 'Never'),
  priorityClassName: text,
  nodeSelector: labels,
  imagePullSecrets: list(shape({ name: text })),
  securityContext: shape({
    runAsNonRoot: yesNo,
    runAsUser: whole,
    runAsGroup: whole,
    fsGroup: whole,
    fsGroupChangePolicy: oneOf('Always', 'OnRootMismatch'),
    supplementalGroups: list(whole),
    seccompProfile,
  }),
  topologySpreadConstraints: list(
    shape({
      'maxSkew!': whole,
      'topologyKey!': text,
      'whenUnsatisfiable!': oneOf('DoNotSchedule', 'ScheduleAnyway'),
      labelSelector: selector,
    }),
  ),
  initContainers: list(container),
  'containers!': { ...list(container), minItems: 1 },
  volumes: list(volume),
})

export const podTemplate: Schema = shape({
  metadata: shape({ name: text, labels, annotations: labels }),
  'spec!': podSpec,
})

export const claimSpec = shape({
  'accessModes!': list(oneOf('ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod')),
  'resources!': resources,
  storageClassName: text,
  volumeMode: oneOf('Filesystem', 'Block'),
  volumeName: text,
})
