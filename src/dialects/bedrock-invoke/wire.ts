import type { Host } from '../anthropic-messages/host.ts'

/** Id of this wire format. */
export const DIALECT = 'bedrock-invoke'

const same = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, name]))

/**
 * Claude behind InvokeModel. Source: Bedrock's user guide, "Anthropic Claude Messages API" (its list of beta features), and
 * Anthropic's pages on each feature, which say where it is offered (2026-11).
 */
export const BEDROCK: Host = {
  name: 'Amazon Bedrock',
  version: 'bedrock-2023-05-31',
  betas: {
    ...same(
      'compact-2026-01-12',
      'computer-use-2024-10-22',
      'computer-use-2025-01-24',
      'computer-use-2025-11-24',
      'context-1m-2025-08-07',
      'context-management-2025-06-27',
      'dev-full-thinking-2025-05-14',
      'effort-2025-11-24',
      'fine-grained-tool-streaming-2025-05-14',
      'interleaved-thinking-2025-05-14',
      'mid-conversation-output-config-2026-07-01',
      'mid-conversation-tool-changes-2026-07-01',
      'output-128k-2025-02-19',
      'thinking-binding-controls-2026-08-01',
      'thinking-display-updates-2026-08-18',
      'token-efficient-tools-2025-02-19',
      'tool-examples-2025-10-29',
      'tool-search-tool-2025-10-19',
    ),
    // Anthropic's own API has both under one name.
    'advanced-tool-use-2025-11-20': 'tool-search-tool-2025-10-19',
  },
  refusedTools: /^(web_search|web_fetch|code_execution|mcp_toolset|advisor)/,
  fetchesImages: false,
}

/** Beta feature that levels of effort need where the model does not budget its thinking by itself. */
export const EFFORT_BETA = 'effort-2025-11-24'
