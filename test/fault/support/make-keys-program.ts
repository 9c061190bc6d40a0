import { appendFileSync } from 'node:fs'
import { keysOfJob } from '../../../src/deployer/key/key-of-job.ts'
import { openKeyParts } from '../../support/key-parts.ts'
import { type KeysAnswer, keyJobs } from './key-jobs.ts'

/** What is killed while it chooses keys: `FOLDER ANSWERS`. Each answer is a line of ANSWERS before the next job begins. */
const [, , folder = '', answers = ''] = process.argv
const parts = await openKeyParts(folder)
for (const job of keyJobs) {
  const { key, next } = await keysOfJob(job, parts)
  const answer: KeysAnswer = { job: job.id, spki: key.spkiSha256, next }
  appendFileSync(answers, `${JSON.stringify(answer)}\n`)
}
