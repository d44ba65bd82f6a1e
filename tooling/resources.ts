/** What each container asks for and may have; a cpu trigger counts in parts of the request. */
export const requestedMilli = 50

export const resources = {
  requests: { cpu: `${requestedMilli}m`, memory: '96Mi' },
  limits: { memory: '256Mi' },
} as const
