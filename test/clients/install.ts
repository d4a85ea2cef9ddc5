import { installPackages } from '../harness/packages.ts'

const LIMIT_MS = 240_000

// biome-ignore lint/suspicious/noExplicitAny: clients that the repository's own packages don't include, so without types
export type Loose = any

/** One of the packages in package.json beside this file, by the name under which it stands there. */
export const load = (name: string): Promise<Loose> => import(/* @vite-ignore */ name)

/**
 * Installs the clients where they are not there yet. Returns why they can't be had, undefined when they are there. Throws
 * the same where nothing may be left out.
 */
export async function clientsMissing(): Promise<string | undefined> {
  const failure = await installPackages(import.meta.dirname, LIMIT_MS)
  if (failure === undefined) return undefined
  const reason = `the clients could not be installed with npm: ${failure}`
  if (process.env['WAYBILL_TEST_ALL'] === '1') throw new Error(reason)
  console.warn(`left out: official clients (${reason})`)
  return reason
}
