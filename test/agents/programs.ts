import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPackages } from '../harness/packages.ts'
import type { Agent } from './agents.ts'

const LIMIT_MS = 900_000
const MODULES = join(import.meta.dirname, 'node_modules')

/** An agent that runs here, or why it doesn't. */
export type Program =
  | { readonly file: string; readonly version: string }
  | { readonly missing: string; readonly version: string }

/** Installs the agents where that has not been done; returns why npm couldn't. */
export const installAgents = (): Promise<string | undefined> => installPackages(import.meta.dirname, LIMIT_MS)

/** The version in package.json beside this file. */
export function versionOf(agent: Agent): string {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'))
  return dependencies[agent.package]
}

/** The program of an installed agent: the first of those for this platform that starts. */
export function programOf(
  agent: Agent,
  platform: string = process.platform,
  arch: string = process.arch,
): Program {
  const version = versionOf(agent)
  const names = agent.programs(platform, arch)
  let missing = `npm has no package of ${agent.package} ${version} with a program for ${platform}-${arch}`
  for (const name of names) {
    const file = join(MODULES, name)
    if (!existsSync(file)) continue
    const [command, before] = commandOf(file)
    const env = { PATH: process.env['PATH'] ?? '', HOME: tmpdir() }
    const { status, error, signal } = spawnSync(command, [...before, '--version'], { env, timeout: 30_000 })
    if (status === 0) return { file, version }
    missing = `${name} does not start here: ${error?.message ?? `it ended with ${signal ?? status}`}`
  }
  return { missing, version }
}

/** A program and the arguments before its own: what is a script runs on this Node. */
export const commandOf = (file: string): readonly [string, readonly string[]] =>
  file.endsWith('.js') ? [process.execPath, [file]] : [file, []]
