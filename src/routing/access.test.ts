import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Endpoint, Resolved } from '../catalog/index.ts'
import type { ProviderPreferences } from '../chat/index.ts'
import { type AccessRules, barred, joinAccess } from './access.ts'
import { planAttempts } from './plan.ts'
import type { DataPolicy } from './plan.types.ts'
import { endpoint, model, policy, request, snapshot, tariff } from './sample.fixture.ts'

const TAGS = ['a', 'a/eu', 'a/eu/flex', 'b', 'b/us']
const MODELS = ['acme/one', 'acme/one:free', 'acme/two', 'Other/Big:8b']
const ENDPOINTS = MODELS.flatMap((modelId) =>
  TAGS.map((tag) => endpoint(tag, { modelId, tariff: tariff(tag === 'b' ? 0 : 1) })),
)

/** As a catalog does: `~acme/latest` leads on, `acme/two:free` leaves the endpoint at `b`. */
function resolve(name: string): Resolved | undefined {
  const asked = name.toLowerCase() === '~acme/latest' ? 'acme/two' : name.toLowerCase()
  const row = MODELS.find((id) => id.toLowerCase() === asked)
  const base = row ?? MODELS.find((id) => id.toLowerCase() === asked.split(':')[0])
  if (base === undefined) return undefined
  const endpoints = ENDPOINTS.filter(
    ({ modelId, tag }) => modelId === base && (row !== undefined || tag === 'b'),
  )
  return { model: model(base), endpoints, variants: [] }
}

const passing = (...parts: readonly AccessRules[]): Endpoint[] => {
  const access = joinAccess(
    parts.map((rules) => ({ owner: 'the key', rules })),
    resolve,
  )
  return ENDPOINTS.filter((one) => access === null || barred(access, one) === null)
}
const ids = (endpoints: readonly Endpoint[]) => [...new Set(endpoints.map(({ modelId }) => modelId))]
const tags = (endpoints: readonly Endpoint[]) => [...new Set(endpoints.map(({ tag }) => tag))]

describe('a list of models', () => {
  test.each([
    [['acme/one'], ['acme/one', 'acme/one:free']],
    [['acme/one:free'], ['acme/one:free']],
    [['acme/*'], ['acme/one', 'acme/one:free', 'acme/two']],
    [
      ['ACME/Two', 'other/big:8b'],
      ['acme/two', 'Other/Big:8b'],
    ],
    [['other/big'], []],
    [['~acme/latest'], ['acme/two']],
    [['acme/nobody'], []],
    [[], []],
  ])('%j lets %j pass', (allowedModels, expected) => {
    expect(ids(passing({ allowedModels }))).toEqual(expected)
  })

  test('with a variant that is no row of the catalog lets the endpoints pass that it leaves', () => {
    const left = passing({ allowedModels: ['acme/two:free'] })
    expect(left.map(({ id }) => id)).toEqual(['acme/two@b'])
  })
})

describe('a list of providers', () => {
  test('covers all that hangs below a slug, service tiers too', () => {
    expect(tags(passing({ allowedProviders: ['a'] }))).toEqual(['a', 'a/eu', 'a/eu/flex'])
    expect(tags(passing({ allowedProviders: ['a/eu'] }))).toEqual(['a/eu', 'a/eu/flex'])
    expect(tags(passing({ ignoredProviders: ['a/eu', 'b'] }))).toEqual(['a'])
    expect(tags(passing({ allowedProviders: ['a', 'b'], ignoredProviders: ['a'] }))).toEqual(['b', 'b/us'])
  })
})

const some = <T>(values: readonly T[]) => fc.option(fc.subarray([...values]), { nil: null })
const rules = fc.record({
  allowedModels: some([...MODELS, 'acme/*', 'other/*', '~acme/latest', 'acme/two:free', 'acme/nobody']),
  allowedProviders: some(TAGS),
  ignoredProviders: some(TAGS),
  dataCollection: fc.constantFrom<('allow' | 'deny' | undefined)[]>('allow', 'deny', undefined),
  zdr: fc.constantFrom(true, false, undefined),
}) as fc.Arbitrary<AccessRules>

/** What each provider does with prompts; both are known. */
const FACTS: Readonly<Record<string, DataPolicy>> = {
  a: { trains: false, retains: true },
  b: { trains: false, retains: false },
}

describe('a plan under rules of several sides and wishes of its own', () => {
  test('tries nothing that one of them alone would not let it try', () => {
    const world = { endpoints: ENDPOINTS.filter(({ modelId }) => modelId.startsWith('acme/')) }
    const view = { ...snapshot(world), resolve, dataPolicy: (id: string) => FACTS[id] }
    const tried = (parts: readonly AccessRules[], provider: ProviderPreferences) => {
      const access = joinAccess(
        parts.map((one) => ({ owner: 'x', rules: one })),
        resolve,
      )
      const asked = request({ models: ['acme/one', 'acme/two'], provider })
      return planAttempts(asked, { ...policy, access }, view, () => 0)
        .order.map(({ id }) => id)
        .sort()
    }
    const wishes = fc.record({
      zdr: fc.boolean(),
      dataCollection: fc.constantFrom<('allow' | 'deny')[]>('allow', 'deny'),
    })
    fc.assert(
      fc.property(rules, rules, wishes, (key, installation, provider) => {
        const together = tried([key, installation], provider)
        const alone = [tried([key], {}), tried([installation], {}), tried([], provider)]
        for (const id of together) for (const part of alone) expect(part).toContain(id)
      }),
      { numRuns: 200 },
    )
  })
})

describe('rules of several sides', () => {
  test('let pass exactly what every one of them lets pass', () => {
    fc.assert(
      fc.property(fc.array(rules, { maxLength: 3 }), (parts) => {
        const alone = parts.map((part) => passing(part))
        expect(passing(...parts)).toEqual(ENDPOINTS.filter((one) => alone.every((set) => set.includes(one))))
      }),
      { numRuns: 300 },
    )
  })

  test('keep the stricter data policy, and say whose it is', () => {
    fc.assert(
      fc.property(rules, rules, (key, installation) => {
        const access = joinAccess(
          [
            { owner: 'the key', rules: key },
            { owner: 'the installation', rules: installation },
          ],
          resolve,
        )
        const whose = (holds: (side: AccessRules) => boolean) =>
          holds(key) ? 'the key' : holds(installation) ? 'the installation' : null
        expect(access?.zdr ?? null).toBe(whose(({ zdr }) => zdr === true))
        expect(access?.denyCollection ?? null).toBe(whose(({ dataCollection }) => dataCollection === 'deny'))
      }),
      { numRuns: 100 },
    )
  })

  test('are nothing when nobody limits anything', () => {
    const rules = { allowedModels: null, dataCollection: 'allow', zdr: false } as const
    expect(joinAccess([{ owner: 'the key', rules }], resolve)).toBeNull()
  })
})
