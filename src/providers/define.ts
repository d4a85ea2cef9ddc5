/** Everything a data file in `definitions/` may use; one import line there. */
export * from './paths.ts'
export { defineProvider } from './provider.ts'
export * from './quirks.ts'
