const refusal = 'the audit trail only grows'
/** A row is written once, and its place in the chain once. */
const isOther = 'OLD.hash IS NOT NULL'

/** No statement changes or removes a row of the audit trail; who owns the file could still rewrite it, which its chain shows. */
export const growingInSqlite: readonly string[] = [
  `CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '${refusal}'); END`,
  `CREATE TRIGGER audit_linked_once BEFORE UPDATE ON audit WHEN ${isOther} BEGIN SELECT RAISE(ABORT, '${refusal}'); END`,
  `CREATE TRIGGER audit_written_once BEFORE UPDATE OF seq, at, actor, action, subject, details ON audit
    BEGIN SELECT RAISE(ABORT, '${refusal}'); END`,
]

/** The same for PostgreSQL. */
export const growingInPostgres: readonly string[] = [
  `CREATE FUNCTION audit_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '${refusal}'; END $$`,
  'CREATE TRIGGER audit_stays BEFORE DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_grows()',
  `CREATE TRIGGER audit_linked_once BEFORE UPDATE ON audit FOR EACH ROW WHEN (${isOther}) EXECUTE FUNCTION audit_grows()`,
  `CREATE TRIGGER audit_written_once BEFORE UPDATE OF seq, at, actor, action, subject, details ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_grows()`,
]
