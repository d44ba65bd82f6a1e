import { shellWord } from '../../topology/comparison.ts'
import { type Facts, isFailure, managementOf } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'

const subjectOf = ({ broker: { address } }: Facts): string => `broker ${address}`

/** The answer over AMQP, if it is a failure of the given kind. */
const failureOf = ({ broker: { amqp } }: Facts, ...codes: readonly (string | null)[]): string | null =>
  isFailure(amqp) && codes.includes(amqp.code) ? amqp.message : null

const addressUnusable: Check = {
  id: 'address-unusable',
  title: 'an address of the broker that cannot be read, as with a password that is not percent-encoded',
  find: (facts) => {
    const { unusable } = facts.broker
    if (unusable === null) return []
    return [
      {
        severity: 'error',
        subject: 'AMQP_URL',
        what: 'The address of the broker cannot be used.',
        why: 'Functions with this environment end at their start with FN_ENV_INVALID. In a URL the characters # ? / @ : % of a user, a password or a vhost stand percent-encoded.',
        evidence: [unusable],
        mend: [
          'export AMQP_URL=amqp://HOST:5672 AMQP_USERNAME=USER AMQP_PASSWORD_FILE=FILE AMQP_VHOST=VHOST   # each as it is, nothing encoded',
        ],
      },
    ]
  },
}

const loginRefused: Check = {
  id: 'login-refused',
  title: 'a user or a password that the broker refuses',
  find: (facts) => {
    const { username, management } = facts.broker
    const words = failureOf(facts, 'FN_LOGIN_REFUSED')
    const http = management !== null && isFailure(management) && management.status === 401 ? management.message : null
    if (words === null && http === null) return []
    return [
      {
        severity: 'error',
        subject: subjectOf(facts),
        what: `The broker refuses user '${username}' or its password.`,
        why: 'Functions end with FN_LOGIN_REFUSED, and KEDA, if it has the same login, sees no queue: nothing wakes up.',
        evidence: [...(words === null ? [] : [words]), ...(http === null ? [] : [http])],
        mend: [
          `rabbitmqctl change_password ${shellWord(username)}`,
          'export AMQP_USERNAME=USER AMQP_PASSWORD_FILE=FILE   # as they are: only in AMQP_URL are they percent-encoded',
        ],
      },
    ]
  },
}

const vhostRefused: Check = {
  id: 'vhost-refused',
  title: 'a vhost that does not exist or that the user may not enter, often one that is encoded twice',
  find: (facts) => {
    const { vhost, username } = facts.broker
    const management = managementOf(facts)
    const words = failureOf(facts, 'FN_VHOST_REFUSED')
    const missing = management !== null && !management.vhostFound
    if (words === null && !missing) return []
    const decoded = decoding(vhost)
    const evidence = [
      ...(words === null ? [] : [words]),
      ...(missing ? [`the management knows no vhost '${vhost}'`] : []),
      ...(decoded === null ? [] : [`'${vhost}' is percent-encoded once too often: decoded it is '${decoded}'`]),
    ]
    const mend =
      decoded === null
        ? [
            ...(missing || management === null ? [`rabbitmqctl add_vhost ${shellWord(vhost)}`] : []),
            `rabbitmqctl set_permissions -p ${shellWord(vhost)} ${shellWord(username)} '.*' '.*' '.*'`,
          ]
        : [`export AMQP_VHOST=${shellWord(decoded)}   # as it is`]
    return [
      {
        severity: 'error',
        subject: `vhost '${vhost}'`,
        what: 'The vhost does not exist, or the user may not enter it.',
        why: 'Functions end with FN_VHOST_REFUSED, and KEDA finds no queue.',
        evidence,
        mend,
      },
    ]
  },
}

/** What a vhost may have been meant to be; null if nothing in it is encoded. */
function decoding(vhost: string): string | null {
  try {
    const decoded = decodeURIComponent(vhost)
    return decoded === vhost ? null : decoded
  } catch {
    return null
  }
}

const brokerAway: Check = {
  id: 'broker-away',
  title: 'a broker that does not answer',
  find: (facts) => {
    const { amqp, chosen } = facts.broker
    const known = ['FN_LOGIN_REFUSED', 'FN_VHOST_REFUSED']
    if (!isFailure(amqp) || facts.broker.unusable !== null || known.includes(amqp.code ?? '')) return []
    const cluster = facts.places.find(({ namespace }) => namespace !== null)
    const forward = `kubectl -n ${cluster?.namespace ?? 'NAMESPACE'} port-forward service/rabbitmq 5672 15672   # then run doctor again`
    return [
      {
        severity: chosen || !cluster ? 'error' : 'note',
        subject: subjectOf(facts),
        what: 'The broker does not answer.',
        why: chosen
          ? 'Functions with this address wait and try again; no message moves.'
          : 'What the broker knows was not looked at.',
        evidence: [`${amqp.code === null ? '' : `${amqp.code} `}${amqp.message}`],
        mend: cluster ? [forward] : ['npm start   # or say where it is: export AMQP_URL=amqp://HOST:5672'],
      },
    ]
  },
}

const managementAway: Check = {
  id: 'management-away',
  title: 'a management API that does not answer',
  find: (facts): readonly Finding[] => {
    const { management, amqp } = facts.broker
    if (management === null || !isFailure(management) || management.status === 401 || isFailure(amqp)) return []
    return [
      {
        severity: 'note',
        subject: subjectOf(facts),
        what: 'The management API does not answer here.',
        why: 'KEDA with protocol http asks it for the length of queues. What only it knows was not looked at: arguments, bindings, permissions, alarms, leaders.',
        evidence: [management.message],
        mend: [
          'rabbitmq-plugins enable rabbitmq_management',
          'export KEDAFN_MANAGEMENT_URL=http://HOST:15672   # with user:password@ before the host',
        ],
      },
    ]
  },
}

/** Whether the broker can be reached at all. */
export const accessChecks = [addressUnusable, loginRefused, vhostRefused, brokerAway, managementAway]
