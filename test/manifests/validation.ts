import { Ajv, type ValidateFunction } from 'ajv'
import type { KubernetesObject } from './kustomizations.ts'
import type { Schema } from './schemas/shapes.ts'

/** The kind of an object, as schemas are named: `apps/v1/Deployment`. */
const kindOf = ({ apiVersion, kind }: KubernetesObject): string => `${apiVersion}/${kind}`

/** Go's patterns may begin with a flag that JavaScript writes elsewhere. */
const regExp = Object.assign(
  (pattern: string, flags: string) =>
    pattern.startsWith('(?i)') ? new RegExp(pattern.slice(4), `${flags}i`) : new RegExp(pattern, flags),
  { code: 'regExp' },
)

/** Holds objects against the schemas of their kinds. */
export class Validation {
  readonly #ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, code: { regExp } })
  readonly #schemas: Readonly<Record<string, Schema>>
  readonly #compiled = new Map<string, ValidateFunction>()

  /** @param schemas by `apiVersion/kind` */
  constructor(schemas: Readonly<Record<string, Schema>>) {
    this.#schemas = schemas
  }

  knows(object: KubernetesObject): boolean {
    return kindOf(object) in this.#schemas
  }

  /** One line for each thing that is wrong, fields that the schema does not name included. */
  problemsOf(object: KubernetesObject): readonly string[] {
    const kind = kindOf(object)
    const schema = this.#schemas[kind]
    if (schema === undefined) return [`${kind}: there is no schema of this kind`]
    const validate = this.#compiled.get(kind) ?? this.#ajv.compile(schema)
    this.#compiled.set(kind, validate)
    if (validate(object as unknown)) return []
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const field = 'additionalProperty' in params ? ` '${params.additionalProperty}'` : ''
      return `${kind} ${object.metadata.name}${instancePath}: ${message}${field}`
    })
  }
}
