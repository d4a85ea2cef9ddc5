import type { RecordedCase } from '../fixtures.ts'
import { everyCase, leftOut } from './cases.ts'
import type { Difference } from './compare.ts'
import type { SmallPair } from './embeddings.ts'
import { excuse } from './exceptions.ts'
import type { Pair } from './replay.ts'
import { WAYS } from './surfaces/index.ts'

export interface Result<P> {
  readonly pair: P
  readonly differences: readonly Difference[]
}

/** All that a run has found. */
export interface Run {
  readonly conversations: readonly Result<Pair>[]
  readonly embeddings: readonly Result<SmallPair>[]
}

/** Differences that no exception explains, a line each. */
export function faults({ conversations, embeddings }: Run): string[] {
  const line = (id: string, client: string, { facet, told, got }: Difference) =>
    `${id} for ${client}: ${facet}\n  told ${clip(told)}\n  got  ${clip(got)}`
  return [
    ...conversations.flatMap(({ pair: { at, surface }, differences }) =>
      differences
        .filter((it) => excuse(it, surface, at) === null)
        .map((it) => line(at.recorded.id, surface.name, it)),
    ),
    ...embeddings.flatMap(({ pair, differences }) =>
      differences.map((it) => line(pair.recorded.id, pair.call, it)),
    ),
  ]
}

const clip = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 400)

/** The page `docs/reference/conformance.md`. */
export function documentOf(run: Run): string {
  const replayed = new Set([...run.conversations, ...run.embeddings].map(({ pair }) => pair.recorded.id))
  return `${[
    '# Conformance',
    '<!-- Made by `npm run generate:conformance` from recorded traffic; changes by hand are lost. -->',
    INTRODUCTION,
    `Of ${everyCase().length} recordings, real and constructed, ${replayed.size} are replayed.`,
    '## Result',
    resultTable(run.conversations),
    CELLS,
    '## Embeddings and counts',
    smallTable(run.embeddings),
    '## Exceptions',
    exceptionList(run.conversations),
    '## Not replayed',
    leftOutList(),
  ].join('\n\n')}\n`
}

const INTRODUCTION = `What a provider was recorded to say is played to a running gateway, cut at random byte positions, and what a client of
each format then reads is compared with a plain reading of the recording. Neither reading uses the gateway's code.
Compared are: text, reasoning, names and arguments of tools (as JSON), citations, finish, tokens (prompt, completion,
cache read and written, reasoning), candidates, and for failures status, \`error_type\` and \`Retry-After\`. Signatures and
sealed reasoning count when the provider gets them back with the next turn. A client that speaks the provider's own
format asks with the recorded request, the others with one of their own. \`npm test\` repeats it where the recordings lie
beside the checkout, and fails when the result is another than this page.`

const CELLS = `Cells are passed of all; what is missing to a full one stands under Exceptions. The column of Completions counts only
recordings that it can express: no tools, no signed reasoning. "In an array" is streamGenerateContent without \`alt=sse\`: streams
and failures.`

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

/** `12/12`; nothing where there is nothing to pass. */
function score(results: readonly Result<unknown>[]): string {
  if (results.length === 0) return ''
  return `${results.filter(({ differences }) => differences.length === 0).length}/${results.length}`
}

function resultTable(results: readonly Result<Pair>[]): string {
  const rows = [...new Set(results.map(({ pair }) => rowOf(pair)))]
  const cells = (of: readonly Result<Pair>[]) =>
    WAYS.map((surface) => score(of.filter(({ pair }) => pair.surface === surface)))
  return table(
    ['recordings of', ...WAYS.map(({ name }) => name)],
    [
      ...rows.map((row) => [row, ...cells(results.filter(({ pair }) => rowOf(pair) === row))]),
      ['**all**', ...cells(results)],
    ],
  )
}

const rowOf = ({ at }: Pair): string => (at.row === at.format ? at.row : `${at.row}, ${at.format}`)

function smallTable(results: readonly Result<SmallPair>[]): string {
  const calls = [...new Set(results.map(({ pair }) => pair.call))]
  return table(
    ['call', 'passed'],
    calls.map((call) => [call, score(results.filter(({ pair }) => pair.call === call))]),
  )
}

function exceptionList(results: readonly Result<Pair>[]): string {
  const found = new Map<string, string[]>()
  for (const { pair, differences } of results) {
    for (const difference of differences) {
      const why = excuse(difference, pair.surface, pair.at) ?? `**A fault** (${difference.facet}).`
      found.set(why, [...(found.get(why) ?? []), `- \`${pair.recorded.id}\` for ${pair.surface.name}`])
    }
  }
  return [...found].map(([why, cases]) => `${why}\n\n${cases.toSorted().join('\n')}`).join('\n\n')
}

function leftOutList(): string {
  const reasons = Map.groupBy(everyCase(), leftOut)
  reasons.delete(null)
  const list = (cases: readonly RecordedCase[]) => cases.map(({ id }) => `- \`${id}\``).join('\n')
  return [...reasons].map(([why, cases]) => `${why}\n\n${list(cases)}`).join('\n\n')
}
