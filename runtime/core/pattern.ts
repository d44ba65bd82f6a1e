/** Whether a path is a pattern. A name that holds one of these characters is written with `[*]` and the like. */
export const isPattern = (path: string): boolean => /[*?[{]|[@!+]\(/.test(path)
