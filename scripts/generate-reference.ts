/** Writes docs/reference/cli.md from the commands' own help, api.md from the table of routes, and sdk.md from the official client. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PAGES, ROUTES } from '../src/app.ts'
import { commandHelp } from '../src/cli/help.ts'
import { COMMANDS } from '../src/cli/index.ts'
import { START_HELP } from '../src/cli/start.ts'
import { INFERENCE_ROUTES } from '../src/http/v1/inference.ts'
import { NOT_SERVED, PARTS_NOT_SERVED } from '../src/http/v1/not-yet.ts'
import { operationsOf, sdkVersion } from './sdk-operations.ts'

const ROOT = join(import.meta.dirname, '..')

/** What each route does, by method and path. A route that is not here fails the generation. */
const ABOUT: Readonly<Record<string, string>> = {
  'POST /chat/completions': "OpenAI's Chat Completions with OpenRouter's extensions, streamed or whole",
  'POST /completions': "OpenAI's older text completions",
  'POST /responses': "OpenAI's Responses, without stored state",
  'POST /responses/compact':
    'a conversation of Responses made short by its model; every model can go on from it',
  'POST /responses/input_tokens':
    'tokens of a Responses request; `estimated: true` where the provider does not count',
  'POST /messages': "Anthropic's Messages",
  'POST /messages/count_tokens':
    'tokens of a Messages request; `estimated: true` where the provider does not count',
  'POST /models/{id}:generateContent':
    "Google's generateContent; `:streamGenerateContent` streams, without `alt=sse` a JSON array",
  'POST /models/{id}:countTokens':
    'tokens of a generateContent request; `estimated: true` where the provider does not count',
  'POST /embeddings': 'embeddings of texts',
  'POST /rerank': 'documents in the order of their relevance to a query',
  'POST /images': 'images from a prompt',
  'POST /videos': 'videos from a prompt',
  'POST /audio/speech': 'speech from text',
  'POST /audio/transcriptions': 'text from speech',
  'GET /models': 'the catalog, filtered, sorted and paged by the query',
  'GET /models/count': 'how many models there are',
  'GET /models/user': 'the models that the configured keys reach',
  'GET /models/:id': 'one model, in the shape that OpenAI, Anthropic or Google gives it',
  'GET /models/:author/:slug': 'the same, its slash not escaped',
  'GET /models/:author/:slug/endpoints':
    'who serves a model, at which price; latency and throughput with a key',
  'GET /model/:author/:slug': 'one model',
  'GET /embeddings/models': 'models that embed',
  'GET /images/models': 'models that make images',
  'GET /videos/models': 'models that make videos',
  'GET /endpoints/zdr': 'endpoints that are known to keep no prompts',
  'GET /providers': 'the known providers',
  'GET /key': 'what a key may know of itself: limit, what is left of it, usage',
  'GET /auth/key': 'the same',
  'GET /generation': 'counts, timings and cost of one call: `?id=gen-…`',
  'GET /generation/content': '404: prompts and answers are never stored',
  'GET /generation/feedback': 'what was said of calls, newest first: `offset`, `limit`',
  'POST /generation/feedback': 'say something of a call: `generation_id`, `category`, `comment`',
  'GET /waybills':
    'the last calls, newest first: `limit`, `before`, `model`, `result`, `status`, `key`; an API key sees its own',
  'GET /waybills/:id': 'why a call went where it went and what it cost: [waybill](waybill.md)',
  'POST /route/explain':
    'plan a request without sending it: a chat body, that of `?surface=`, or a kind of request; [waybill](waybill.md)',
  'GET /credits': 'total credit and usage of the organization, USD',
  'GET /activity':
    'what was served, by UTC day, model and endpoint: the last 30 completed days, or `date`; `api_key_hash`, `user_id`, `workspace_id`, `group_by=workspace`, `simulated`; JSON or CSV',
  'GET /analytics/meta': 'the metrics, dimensions, granularities and operators of the next',
  'POST /analytics/query':
    'sums, rates and percentiles: `metrics`, `dimensions`, `granularity`, `time_range`, `time_zone`, `filters`, `order_by`, `limit`, `group_limit`, `simulated`; JSON or CSV',
  'GET /presets': "the organization's presets and those of the configuration",
  'GET /presets/:slug': 'one preset with the version that requests get',
  'PATCH /presets/:slug': 'change `name`, `description`, `status`, `version`',
  'GET /presets/:slug/versions': 'its versions, the newest first',
  'GET /presets/:slug/versions/:version': 'one version',
  'POST /presets/:slug/chat/completions': 'keep the settings of a Chat Completions request as a new version',
  'POST /presets/:slug/messages': 'the same of a Messages request',
  'POST /presets/:slug/responses': 'the same of a Responses request',
  'GET /alerts':
    'alerts on key limits, budgets and credit, newest first, with their deliveries: `limit`, `before`; [alerts](../guide/alerts.md)',
  'POST /alerts/test': 'send a test to every destination; tells what each said',
  'POST /alerts/mute': 'deliver no more of a `kind` (`key`, `balance`, `budget-…`); `muted: false` ends it',
  'POST /alerts/:id/mute':
    'deliver no more of the key, budget or balance that an alert is about; `muted: false` ends it',
  'GET /budgets': 'budgets of the organization and what they have left',
  'PUT /budgets':
    'make a budget or change its cap: `scope` (`organization`, `workspace`, `member`, `user`), `scope_id`, `limit_usd`, `reset_interval`',
  'DELETE /budgets/:id': 'end a budget',
  'GET /keys':
    'keys of your workspace with their spending; `workspace_id` names another, `*` all; `include_disabled`, `offset`',
  'POST /keys':
    'make a key; the answer alone holds it: `name`, `limit`, `limit_reset`, `expires_at`, `management`, `rate_limits`, `allowed_models`, `allowed_providers`, `ignored_providers`',
  'GET /keys/:hash': 'one key',
  'PATCH /keys/:hash':
    'change `name`, `disabled`, `limit`, `limit_reset`, `expires_at`, `rate_limits` and the lists; null takes a list away',
  'DELETE /keys/:hash': 'end a key for good; what it has spent stays in the books',
  'POST /keys/:hash/rotate':
    'a successor with the same cap; the old key ends after `overlap_seconds` (86400)',
  'GET /workspaces': "the organization's workspaces: `offset`, `limit`",
  'POST /workspaces': 'make a workspace: `name`, `slug`, `description`',
  'GET /workspaces/:id': 'one workspace, by id or slug',
  'PATCH /workspaces/:id': 'change `name`, `slug`, `description`',
  'DELETE /workspaces/:id': 'end a workspace; refused while keys of it work',
  'GET /workspaces/:id/members': 'its members: `offset`, `limit`',
  'POST /workspaces/:id/members/add': 'put members of the organization into it: `user_ids`',
  'POST /workspaces/:id/members/remove': 'take them out again: `user_ids`',
  'GET /workspaces/:id/budgets': 'its budgets',
  'GET /workspaces/:id/budgets/:interval': 'the `daily`, `weekly`, `monthly` or `lifetime` one',
  'PUT /workspaces/:id/budgets/:interval': 'set it: `limit_usd`; lifetime > monthly > weekly > daily',
  'DELETE /workspaces/:id/budgets/:interval': 'end it',
  'GET /organization/members': 'people of the organization: `offset`, `limit`',
  'POST /organization/members': 'make a person known: `email`, `first_name`, `last_name`, `role`',
  'DELETE /organization/members/:id': 'take a person out of the organization and its workspaces',
  'GET /admin/credits': 'the balance in full, exact decimals',
  'POST /admin/credits': 'add credit: `amount_usd`, `reference` (once each), `memo`, `organization_id`',
  'GET /admin/ledger/verify': 'recompute the whole ledger; names faulty rows',
  'GET /admin/ledger/explain/:id': 'one charge as arithmetic: hold, frozen prices, tokens, entries',
  'GET /admin/ledger/journals':
    'every journal with its entries, in pages: `after` (the `next` of the page before), `since`, `limit` (1000)',
  'GET /admin/status': 'version, providers with their states, warnings',
  'POST /admin/backup': 'copy the database to `file` while running',
  'POST /admin/restore': 'put the backup `file` in its place; checked first',
  'GET /health': 'the process answers',
  'GET /ready': 'new requests are welcome; 503 while draining',
  'GET /schema.json': 'JSON Schema of waybill.yaml',
  'GET /docs/errors.md': 'every error with its fix',
}

function about(method: string, path: string): string {
  const text = ABOUT[`${method} ${path}`]
  if (text === undefined) throw new Error(`scripts/generate-reference.ts has no words for ${method} ${path}`)
  return text
}

const table = (heading: string, rows: readonly string[]) => [
  heading,
  heading.replace(/[^|]+/g, '---'),
  ...rows,
  '',
]

function apiPage(): string {
  const shown = (path: string) => path.replace(/:([a-z]+)/g, '{$1}')
  return [
    '# API',
    '',
    '<!-- Made by scripts/generate-reference.ts from the table of routes; changes by hand are lost. -->',
    '',
    'Paths are below `/api/v1`; `/v1`, `/openai/v1`, `/anthropic/v1`, `/api`, `/v1beta` and doubled versions reach the same.',
    'Keys travel as `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`. Errors: [errors](../errors.md).',
    '',
    '## Inference',
    '',
    'With an API key. Every answer carries `x-generation-id` and, in one line, `x-waybill`; look the call up with',
    '`GET /generation` and `GET /waybills/{id}`. `X-OpenRouter-Metadata: enabled` puts its route into the answer: see',
    '[waybill](waybill.md).',
    '',
    ...table(
      '| route | what it does |',
      INFERENCE_ROUTES.map((path) => `| \`POST ${path}\` | ${about('POST', path)} |`),
    ),
    '## Everything else',
    '',
    '`public`: no key. `member`: an API or management key, or the operator. `management`: a management key of the',
    'organization, or the operator. `operator`: the key in `runtime.json` of the data directory, from the same machine',
    'alone; the `waybill` command uses it.',
    '',
    ...table(
      '| route | for | what it does |',
      ROUTES.map(
        ([method, path, access]) => `| \`${method} ${shown(path)}\` | ${access} | ${about(method, path)} |`,
      ),
    ),
    '## Outside `/api/v1`',
    '',
    ...table(
      '| route | what it does |',
      PAGES.map(([path]) => `| \`GET ${path}\` | ${about('GET', path)} |`),
    ),
    '## Done once',
    '',
    'A write that carries an `Idempotency-Key` is done once. For 24 hours its repetition by the same key gets the first',
    'answer again with `idempotency-replayed: true`; 409 while the first one runs, 422 with another body. After a refusal',
    'the key is free. Answers are kept sealed with the credential that asked, so that no new key stands on the disk.',
    '',
    '## Not served',
    '',
    'These answer 501 with a sentence, and so does all below them; see [SDK](sdk.md):',
    `${[...new Set([...Object.keys(NOT_SERVED), ...Object.keys(PARTS_NOT_SERVED)])]
      .sort()
      .map((path) => `\`${path}\``)
      .join(', ')}.`,
    '',
  ].join('\n')
}

function sdkPage(): string {
  const operations = operationsOf()
  const served = operations.filter((one) => one.served)
  const rows = (list: typeof operations) =>
    list.map(({ name, method, path }) => `| \`${name}\` | \`${method} ${path}\` |`)
  return [
    '# @openrouter/sdk',
    '',
    '<!-- Made by scripts/generate-reference.ts from the installed client; changes by hand are lost. -->',
    '',
    `Operations of version ${sdkVersion()}: ${served.length} of ${operations.length} are served. Tests call each on a running gateway with this`,
    'client, which checks every field (of `listGenerationContent` the 404: prompts are never stored); the others answer 501 with a sentence.',
    '',
    ...table('| served | route |', rows(served)),
    ...table('| 501 | route |', rows(operations.filter((one) => !one.served))),
  ].join('\n')
}

function cliPage(): string {
  const block = (name: string, help: string) => [`## ${name}`, '', '```text', help, '```', '']
  return [
    '# Command line',
    '',
    '<!-- Made by scripts/generate-reference.ts from the commands; changes by hand are lost. -->',
    '',
    'In a clone: `npx waybill …`. Data goes to stdout, talk to stderr; `--json` gives one JSON object.',
    'The running server is found by `--url`, then `--data`, then `WAYBILL_URL`, then in the usual data directories.',
    'Beside a server of another machine, `WAYBILL_API_KEY` holds the key to use.',
    '',
    ...table('| exit code | meaning |', [
      '| 0 | done |',
      '| 1 | failed |',
      '| 2 | wrong usage |',
      '| 3 | no server answers |',
      '| 4 | not allowed |',
      '| 5 | money: the balance or a limit does not cover it |',
    ]),
    ...block('start', START_HELP),
    ...COMMANDS.flatMap((command) => block(command.name, commandHelp(command))),
  ].join('\n')
}

/** Path below the root → text. */
export const renderReference = (): Record<string, string> => ({
  'docs/reference/api.md': apiPage(),
  'docs/reference/cli.md': cliPage(),
  'docs/reference/sdk.md': sdkPage(),
})

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const [path, text] of Object.entries(renderReference())) writeFileSync(join(ROOT, path), text)
