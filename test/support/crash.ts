/** A process that ends between two instructions. */
export class Crash extends Error {}
