interface Placed {
  /** Below the schema: `properties/post_deploy_verify`; empty: the target itself. */
  readonly path: string
  readonly schema: Readonly<Record<string, unknown>>
}

/** Where a schema has objects that do not refuse unknown fields; empty: it refuses them at every depth. */
export function openObjects(schema: object): readonly string[] {
  return objectsOf(schema, '')
    .filter((object) => object.schema['additionalProperties'] !== false)
    .map(({ path }) => (path === '' ? 'the target' : path))
}

function objectsOf(value: unknown, path: string): readonly Placed[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.entries(value).flatMap(([name, child]) =>
    objectsOf(child, path === '' ? name : `${path}/${name}`),
  )
  const schema = value as Readonly<Record<string, unknown>>
  return schema['type'] === 'object' || path === '' ? [{ path, schema }, ...inner] : inner
}
