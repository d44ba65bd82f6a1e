/** JSON Schema in few words. Objects are closed: a field that is not named is refused. */
export interface Schema {
  readonly [keyword: string]: unknown
}

export const text: Schema = { type: 'string' }
export const yesNo: Schema = { type: 'boolean' }
export const whole: Schema = { type: 'integer', minimum: 0 }
/** A quantity of memory or CPU, or the number or name of a port. */
export const textOrWhole: Schema = { type: ['string', 'integer'] }
export const anything: Schema = { type: 'object' }

export const oneOf = (...values: readonly string[]): Schema => ({ enum: values })
export const list = (items: Schema): Schema => ({ type: 'array', items })
/** Free names, values of one kind. */
export const map = (values: Schema): Schema => ({ type: 'object', additionalProperties: values })
/** A name that ends in `!` is required. */
export function shape(fields: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(fields).map(([name, schema]) => [name.replace('!', ''), schema] as const)
  const required = Object.keys(fields).flatMap((name) => (name.endsWith('!') ? [name.slice(0, -1)] : []))
  return { type: 'object', properties: Object.fromEntries(entries), required, additionalProperties: false }
}

export const labels = map(text)
const dnsName: Schema = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', maxLength: 253 }

export const metadata = shape({ 'name!': dnsName, namespace: dnsName, labels, annotations: labels })
export const selector = shape({
  matchLabels: labels,
  matchExpressions: list(
    shape({ 'key!': text, 'operator!': oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'), values: list(text) }),
  ),
})

/** A whole object of an API: its version and kind are what it is found by. */
export const object = (fields: Readonly<Record<string, Schema>>): Schema =>
  shape({ 'apiVersion!': text, 'kind!': text, 'metadata!': metadata, ...fields })
