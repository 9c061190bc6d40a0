import manifest from '../package.json' with { type: 'json' }

/** The version of this Waxseal: `0.1.0`. */
export const version: string = manifest.version
