import { Document } from 'yaml'
import type { Patch } from './objects.ts'

/**
 * A change of fields that are there, by their paths. n.b. To kustomize a patch is text, and a target that nothing matches no fault:
 * an overlay may leave functions out.
 */
export const replacement = (target: Patch['target'], values: Readonly<Record<string, string | number>>): Patch => ({
  target,
  patch: new Document(Object.entries(values).map(([path, value]) => ({ op: 'replace', path, value }))).toString(),
})
