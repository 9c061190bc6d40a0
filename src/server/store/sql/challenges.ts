import type { ChallengeRow, ChallengeStore } from '../challenge-store.ts'
import type { Database } from '../database.ts'
import { firstOf, insert } from './columns.ts'

/** Challenges over SQL. */
export function sqlChallenges(db: Database): ChallengeStore {
  return {
    add: async (challenge) => {
      await insert(db, 'challenge', challenge)
    },
    of: async (jobId) => firstOf<ChallengeRow>(await db.query('SELECT * FROM challenge WHERE job_id = $1', [jobId])),
  }
}
