import type { Condition, Matter } from '../../src/notice/matter.ts'

/** A deployment that was rolled back, as the looks for what is the matter see it. */
export const failedDeployment: Condition = {
  kind: 'deployment',
  code: 'VERIFY_FAILED',
  subject: 'target-1',
  agent: 'mail-1',
  target: 'postfix',
  certificate: 'mail.example.net',
  text: 'The deployment of mail.example.net was rolled back.',
}

/** The same as a matter that nobody was told of yet. */
export function openMatter(at: number): Matter {
  return {
    ...failedDeployment,
    id: '00112233445566aa',
    openedAt: at,
    seenAt: at,
    overAt: null,
    toldAt: null,
    toldAs: null,
    tellings: 0,
    countedFrom: at,
  }
}
