import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../harness/gateway.ts'
import { clientsMissing, type Loose, load } from './install.ts'

const missing = await clientsMissing()
const user = [{ role: 'user', content: 'Hello' }]

/** OpenRouter's own client checks every answer against its schemas. */
describe.skipIf(missing !== undefined)(missing ?? '@openrouter/sdk', () => {
  let gateway: RunningGateway
  let client: Loose

  beforeAll(async () => {
    gateway = await startGateway({ config: 'presets:\n  shared: { model: sim/echo }\n' })
    const { OpenRouter } = await load('@openrouter/sdk')
    client = new OpenRouter({
      apiKey: gateway.key,
      serverURL: `${gateway.url}/api/v1`,
      retryConfig: { strategy: 'none' },
    })
  })
  afterAll(() => gateway?.remove())

  it('makes presets, reads them back and uses them', async () => {
    const { presets } = client
    const made = await presets.createPresetsChatCompletions({
      slug: 'mine',
      chatRequest: { model: 'sim/echo', temperature: 0.5, messages: user },
    })
    expect(made.data.designatedVersion).toMatchObject({
      version: 1,
      config: { model: 'sim/echo', temperature: 0.5 },
    })
    await presets.createPresetsMessages({
      slug: 'mine',
      messagesRequest: { model: 'sim/echo', maxTokens: 50, system: 'Be brief.', messages: user },
    })
    await presets.createPresetsResponses({
      slug: 'mine',
      responsesRequest: { model: 'sim/echo', instructions: 'Be kind.', input: 'Hello' },
    })
    expect((await presets.get({ slug: 'mine' })).data.designatedVersion.systemPrompt).toBe('Be kind.')
    expect((await presets.getVersion({ slug: 'mine', version: '2' })).data.systemPrompt).toBe('Be brief.')
    const slugs: string[] = []
    for await (const page of await presets.list())
      slugs.push(...page.result.data.map(({ slug }: Loose) => slug))
    expect(slugs).toEqual(['mine', 'shared'])
    const numbers: number[] = []
    for await (const page of await presets.listVersions({ slug: 'mine' }))
      numbers.push(...page.result.data.map(({ version }: Loose) => version))
    expect(numbers).toEqual([3, 2, 1])
    for (const model of ['@preset/mine', '@preset/shared', 'sim/echo@preset/mine']) {
      const reply = await client.chat.send({ chatRequest: { model, messages: user } })
      expect(reply.model).toBe('sim/echo')
    }
  })

  it('lists routers and aliases among the models, and the endpoints that keep nothing', async () => {
    const ids = new Set<string>()
    for await (const page of await client.models.list()) for (const { id } of page.result.data) ids.add(id)
    expect(ids.has('openrouter/auto') && ids.has('~anthropic/claude-sonnet-latest')).toBe(true)
    const { data } = await client.endpoints.listZdrEndpoints()
    expect(data.length).toBeGreaterThan(50)
  })
})
