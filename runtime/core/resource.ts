/** Closes what a function's setup opened, if it can be closed. */
export async function closeResource(resource: unknown): Promise<void> {
  if (typeof resource !== 'object' || resource === null) return
  const disposable = resource as { [Symbol.asyncDispose]?(): unknown; [Symbol.dispose]?(): unknown; close?(): unknown }
  const close = disposable[Symbol.asyncDispose] ?? disposable[Symbol.dispose] ?? disposable.close
  await close?.call(resource)
}
