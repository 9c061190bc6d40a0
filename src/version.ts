import manifest from '../package.json' with { type: 'json' }

/** The version of this Waxseal: `0.2.0`. */
export const version: string = manifest.version
