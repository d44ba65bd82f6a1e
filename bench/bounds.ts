/** Why a goal is missed, by `row/comparison`, as a profile showed it. Shown on the page where the goal is missed. */
export const bounds: Readonly<Record<string, string>> = {}
