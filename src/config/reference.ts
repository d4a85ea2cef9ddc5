// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of configuration files are written like that
import { z } from 'zod'
import { type Path, pathText } from './problem.ts'
import { fileSchema } from './schema.ts'
import { SETTINGS } from './settings.ts'

/** JSON Schema (2020-12) of `waybill.yaml`, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(fileSchema, { io: 'input' }) as Record<string, unknown>
  return { $schema, title: 'waybill.yaml', description: 'Configuration of the Waybill gateway.', ...rest }
}

type Node = {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node | false
  readonly items?: Node
  readonly anyOf?: readonly Node[]
  readonly enum?: readonly string[]
  readonly required?: readonly string[]
}

/** The reference page of the configuration, made of the schema and the table of settings. Deterministic. */
export function configReference(): string {
  const schema = configJsonSchema() as Node
  return [
    '# Configuration',
    '',
    '<!-- Made by scripts/generate-providers.ts from src/config; changes by hand are lost. -->',
    '',
    'Everything is optional: without a file, variables or flags the gateway starts with the defaults below.',
    'A flag beats a variable, a variable beats the file, the file beats the default.',
    '',
    'The file is `waybill.yaml`. For checks and completion in your editor, begin it with',
    '`# yaml-language-server: $schema=http://127.0.0.1:7788/schema.json` (the schema is also [here](waybill.schema.json)).',
    '',
    '- `${VAR}` and `${VAR:-default}` are replaced after parsing, in strings only; `$${` is a literal `${`. An unset variable',
    '  without a default leaves its provider out, with a warning; elsewhere it is an error.',
    '- Times are `500ms`, `5s`, `30m`, `2h`; sizes `512kb`, `32MiB`.',
    '- The file is read again when it changes and on SIGHUP. A broken edit is reported and changes nothing. `server`, `data`,',
    '  `database` and `redis` need a restart.',
    '- Limits: 1 MiB, 32 levels, 50,000 values after YAML aliases are followed.',
    '',
    '## Settings',
    '',
    '| in the file | variable | flag | default | what it is |',
    '|---|---|---|---|---|',
    ...SETTINGS.map(({ path, env, flag, fallback }) => {
      const cells = [`\`${pathText(path)}\``, `\`${env}\``, flag === null ? '' : `\`--${flag}\``, fallback]
      return `| ${[...cells, sentence(nodeAt(schema, path))].join(' | ')} |`
    }),
    '',
    '## `fallbacks`',
    '',
    sentence(schema.properties?.['fallbacks']),
    'The models of a request (`model`, then `models`) come first, all their endpoints and retries; then these, under the same',
    'filters and limits, billed and named as what they are. What the request itself caused (400, 413, 422) ends there.',
    '',
    '| key | kind | what it is |',
    '|---|---|---|',
    '| a model, `author/name` | list | Models that stand in for it, in this order, at most 7. |',
    '| `*` | list | Models that stand in for every model without a list of its own. |',
    `| \`on_refusal\` | true or false | ${sentence(nodeAt(schema, ['fallbacks', 'on_refusal']))} |`,
    '',
    '## `alerts`',
    '',
    sentence(schema.properties?.['alerts']),
    'How they look and travel: [alerts](../guide/alerts.md).',
    '',
    ...table(nodeAt(schema, ['alerts'])),
    '',
    '## `alerts.destinations`',
    '',
    ...table(nodeAt(schema, ['alerts', 'destinations', 0])),
    '',
    '## `presets`',
    '',
    sentence(schema.properties?.['presets']),
    'What a request says itself wins, field by field. Names have 1 to 64 lower-case letters, digits, dots, dashes and underscores.',
    '',
    ...table(nodeAt(schema, ['presets', '*'])),
    '',
    '## `providers`',
    '',
    sentence(schema.properties?.['providers']),
    'All known ids and the variables their keys are taken from: [providers](providers.md).',
    '',
    ...table(nodeAt(schema, ['providers', '*'])),
    '',
    '## `providers.*.models`',
    '',
    ...table(nodeAt(schema, ['providers', '*', 'models', 0])),
    '',
    '## `providers.*.models[].price`',
    '',
    '`free`, or a mapping. Amounts are exact: up to 6 decimals per million tokens, 12 per call. A kind of token without a',
    'price of its own costs what `prompt` (cache) or `completion` (reasoning) costs.',
    '',
    ...table(nodeAt(schema, ['providers', '*', 'models', 0, 'price'])),
    '',
    '## Example',
    '',
    '```yaml',
    EXAMPLE.trim(),
    '```',
    '',
  ].join('\n')
}

/** A file that shows every section; a test loads it. */
export const EXAMPLE = `
server: { host: 127.0.0.1, port: 7788 }
timeouts: { connect: 5s, first_token: auto, idle: 30s, total: 30m }
retries: 2
fallbacks:
  anthropic/claude-sonnet-4.5: [openai/gpt-5.1]
  "*": [openai/gpt-5-mini]
probes: off
credits: prepaid
alerts:
  low_balance: "10"
  destinations:
    - { type: slack, url: "\${SLACK_URL:-https://hooks.slack.com/services/T0/B0/x}" }
presets:
  code-review:
    model: anthropic/claude-sonnet-4.5
    system_prompt: You review code. Be brief.
    settings: { temperature: 0, provider: { sort: throughput } }
providers:
  openai: { api_key: "\${OPENAI_API_KEY}" }
  anthropic: { api_keys: ["\${ANTHROPIC_API_KEY}", "\${ANTHROPIC_API_KEY_2}"] }
  azure:
    api_key: "\${AZURE_OPENAI_API_KEY}"
    base_url: "https://my-resource.openai.azure.com"
    deployments: { openai/gpt-5.1: my-deployment }
  bedrock: { region: eu-central-1 }
  vertex: { project: my-project, region: europe-west4, credentials_file: ./service-account.json }
  my-vllm:
    dialect: openai-chat
    base_url: "http://127.0.0.1:9002/v1"
    headers: { x-team: blue }
    models:
      - id: meta-llama/llama-3.3-70b-instruct
        upstream_id: llama-70b
        context_length: 131072
        max_output: 8192
        price: { prompt: "0.10", completion: "0.20", cache_read: "0.02" }
        capabilities: [tools, structured_outputs, vision]
`

function nodeAt(root: Node, path: Path): Node | undefined {
  return path.reduce<Node | undefined>((node, step) => {
    if (node === undefined) return undefined
    if (typeof step === 'number') return node.items
    return node.properties?.[step] ?? (node.additionalProperties || undefined)
  }, root)
}

function table(node: Node | undefined): string[] {
  const mapping = node?.anyOf?.find(({ properties }) => properties !== undefined) ?? node
  const rows = Object.entries(mapping?.properties ?? {}).map(([key, value]) => {
    const must = mapping?.required?.includes(key) ? ' (required)' : ''
    return `| \`${key}\`${must} | ${kind(value)} | ${sentence(value)} |`
  })
  return ['| key | kind | what it is |', '|---|---|---|', ...rows]
}

function kind({ type, items, anyOf, additionalProperties }: Node): string {
  if (anyOf !== undefined)
    return anyOf
      .map(kind)
      .filter((name, i, all) => all.indexOf(name) === i)
      .join(' or ')
  if (type === 'array') return items?.type === 'object' ? 'list of mappings' : 'list'
  if (type === 'object') return additionalProperties ? 'names with values' : 'mapping'
  return { string: 'text', integer: 'whole number', boolean: 'true or false' }[type ?? ''] ?? type ?? ''
}

function sentence(node: Node | undefined): string {
  const options = node?.enum ?? node?.items?.enum
  const list = options === undefined ? '' : ` One of ${options.map((option) => `\`${option}\``).join(', ')}.`
  return `${node?.description ?? ''}${list}`
}
