import type { Host } from '../anthropic-messages/host.ts'

/** Id of this wire format. */
export const DIALECT = 'vertex-messages'

const same = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, name]))

/** Source: Google's pages on Claude, and Anthropic's on each feature, which say where it is offered (2026-11). */
export const VERTEX: Host = {
  name: 'Google Vertex',
  version: 'vertex-2023-10-16',
  betas: {
    ...same(
      'compact-2026-01-12',
      'compact-2026-09-04',
      'computer-use-2025-01-24',
      'computer-use-2025-11-24',
      'context-1m-2025-08-07',
      'context-management-2025-06-27',
      'interleaved-thinking-2025-05-14',
      'per-turn-control-2026-07-01',
      'thinking-binding-controls-2026-08-01',
      'thinking-display-updates-2026-08-18',
      'tool-search-tool-2025-10-19',
      'web-search-2025-03-05',
    ),
    // Anthropic's own API has both under one name.
    'advanced-tool-use-2025-11-20': 'tool-search-tool-2025-10-19',
  },
  refusedTools: /^(web_fetch|code_execution|mcp_toolset|advisor)/,
  fetchesImages: false,
}
