/** What the refusal of a whole kind of report means, and what to do. */
export const refusedKind =
  'The control plane takes no verification reports from this agent (403). What each job came to is reported all the same. A few of these reports are kept and tried again every six hours. To have them taken, give the role of the agent’s API key the right to report verifications (certctl: verification.run).'
