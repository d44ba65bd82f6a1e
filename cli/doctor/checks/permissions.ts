import { grantsOf, permissionsOf, type Role, type RoleOptions } from '../../../runtime/core/permissions.ts'
import { shellWord } from '../../topology/comparison.ts'
import { clustersOf, type Facts, managementOf, type Plan, type UserFacts } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import { deploymentsOf, loginOf } from '../places.ts'

interface Login {
  readonly role: Role
  readonly username: string
  readonly options: RoleOptions
  /** Who logs in with it: `function log-consumer`, `KEDA for log-consumer`. */
  readonly who: string
  /** KEDA asks the management. */
  readonly http: boolean
}

/** The logins of what is deployed; on a machine without a cluster the functions have the one of the environment. */
function loginsOf(facts: Facts): readonly Login[] {
  const clusters = clustersOf(facts)
  if (clusters.length === 0) {
    return facts.functions
      .filter(({ optional }) => !optional)
      .map((plan) => ({ ...functionLogin(plan), username: facts.broker.username }))
  }
  return clusters.flatMap((place) =>
    facts.functions.flatMap((plan): Login[] => {
      const functions = deploymentsOf(place, plan).flatMap((deployment) => {
        const username = loginOf(place, deployment)
        return username === null ? [] : [{ ...functionLogin(plan), username }]
      })
      const scalers = place.scaledObjects
        .filter(({ spec }) => spec.scaleTargetRef?.name === plan.name)
        .flatMap(({ spec }) => spec.triggers ?? [])
        .flatMap(({ authenticationRef, metadata }): Login[] => {
          const reference = place.triggerAuthentications
            .find((one) => one.metadata.name === authenticationRef?.name)
            ?.spec.secretTargetRef?.find(({ parameter }) => parameter === 'username')
          const username = place.secrets?.find(({ name }) => name === reference?.name)?.username
          if (!username) return []
          const options = { queue: plan.queue, exchange: plan.exchange, topology: 'verify' as const }
          return [
            { role: 'scaler', username, options, who: `KEDA for ${plan.name}`, http: metadata?.protocol !== 'amqp' },
          ]
        })
      return [...functions, ...scalers]
    }),
  )
}

const functionLogin = ({ role, permissions, name }: Plan) => ({
  role,
  options: permissions,
  who: `function ${name}`,
  http: false,
})

/** n.b. The pieces are regular expressions made of names: without their escapes they are those names. */
const nameOf = (piece: string): string => piece.replace('[0-9]+', '1000').replaceAll('\\', '')

/** What a login may not do, each as `write on exchange or queue 'logs'`. */
function lacks({ role, options }: Login, { permissions }: UserFacts): readonly string[] {
  if (permissions === null) return ['entering the vhost: there is no record of permissions for it']
  const grants = grantsOf(role, options)
  return (['configure', 'write', 'read'] as const).flatMap((key) =>
    grants[key]
      .map(nameOf)
      .filter((name) => !matches(permissions[key], name))
      .map((name) => `${key} on '${name}': its pattern is ${permissions[key] === '' ? 'empty' : permissions[key]}`),
  )
}

function matches(pattern: string, name: string): boolean {
  try {
    // n.b. To the broker an empty pattern matches nothing.
    return pattern !== '' && new RegExp(pattern).test(name)
  } catch {
    // Erlang knows expressions that JavaScript does not: nothing is said of those.
    return true
  }
}

/** Each login once, with all that lacks for any of its users. */
function findingsOf(facts: Facts, find: (login: Login, user: UserFacts) => Finding | null): readonly Finding[] {
  const management = managementOf(facts)
  const users = management?.users
  // Without the vhost nobody has a permission on it, and that is said already.
  if (!users || !management.vhostFound) return []
  return loginsOf(facts).flatMap((login) => {
    const user = users.find(({ name }) => name === login.username)
    const finding = user && find(login, user)
    return finding ? [finding] : []
  })
}

const permissionMissing: Check = {
  id: 'permission-missing',
  title: 'a login that may not do what its function or KEDA needs',
  find: (facts) =>
    findingsOf(facts, (login, user) => {
      const missing = lacks(login, user)
      // An administrator may ask for anything over http.
      if (missing.length === 0 || (login.role === 'scaler' && login.http && user.permissions !== null)) return null
      const { configure, write, read } = permissionsOf(login.role, login.options)
      const vhost = shellWord(facts.broker.vhost)
      return {
        severity: 'error',
        subject: `user ${login.username}`,
        what: `It may not do what ${login.who} needs.`,
        why:
          login.role === 'scaler'
            ? 'KEDA is refused and sees no queue: nothing wakes up.'
            : 'The function ends with FN_PERMISSION_REFUSED when it needs it, for a retry or a dead letter perhaps only then.',
        evidence: missing.map((one) => `may not: ${one}`),
        mend: [
          `rabbitmqctl set_permissions -p ${vhost} ${shellWord(login.username)} ${[configure, write, read].map((one) => `'${one}'`).join(' ')}   # what this role needs; a user of several roles needs all of theirs`,
        ],
      }
    }),
}

const scalerUntagged: Check = {
  id: 'scaler-untagged',
  title: "KEDA's login without the tag that lets it ask the management",
  find: (facts) =>
    findingsOf(facts, ({ role, http, username, who }, { tags }) => {
      if (role !== 'scaler' || !http || tags.length > 0) return null
      return {
        severity: 'error',
        subject: `user ${username}`,
        what: `It may not ask the management, which ${who} does with protocol http.`,
        why: 'KEDA gets 401 and sees no queue: nothing wakes up.',
        evidence: ['it has no tag'],
        mend: [`rabbitmqctl set_user_tags ${shellWord(username)} management`],
      }
    }),
}

/** Who may do what. */
export const permissionChecks = [permissionMissing, scalerUntagged]
