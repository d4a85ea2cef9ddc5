import { describe, expect, it } from 'vitest'
import { createCatalog, loadSeed } from '../../catalog/index.ts'
import { anthropicModels, googleModels } from './discovery.ts'

const { models } = createCatalog(loadSeed())
const query = (text: string) => new URLSearchParams(text)

describe('anthropicModels()', () => {
  it('pages through every model once, in order', () => {
    const seen: string[] = []
    let after = ''
    for (;;) {
      const page = anthropicModels(models, query(`limit=100${after}`)) as {
        data: { id: string; type: string; created_at: string }[]
        last_id: string
        has_more: boolean
      }
      seen.push(...page.data.map(({ id }) => id))
      if (!page.has_more) break
      after = `&after_id=${encodeURIComponent(page.last_id)}`
    }
    expect(seen).toEqual(models.map(({ id }) => id))
  })

  it('goes backwards from an id', () => {
    const page = anthropicModels(models, query(`limit=2&before_id=${models[5]!.id}`))
    expect(page).toMatchObject({ first_id: models[3]!.id, last_id: models[4]!.id, has_more: true })
  })

  it('gives 20 without a limit and refuses a wrong one', () => {
    expect((anthropicModels(models, query('')) as { data: unknown[] }).data).toHaveLength(20)
    expect(() => anthropicModels(models, query('limit=0'))).toThrow(/from 1 to 1000/)
    expect(() => anthropicModels(models, query('after_id=nobody'))).toThrow(/no model "nobody"/)
  })
})

describe('googleModels()', () => {
  it('names models as resources and pages by token', () => {
    const first = googleModels(models, query('pageSize=10')) as {
      models: { name: string }[]
      nextPageToken: string
    }
    expect(first.models[0]!.name).toBe(`models/${models[0]!.id}`)
    const second = googleModels(models, query(`pageSize=10&pageToken=${first.nextPageToken}`))
    expect((second as typeof first).models[0]!.name).toBe(`models/${models[10]!.id}`)
    expect(googleModels(models, query('pageSize=1000'))).not.toHaveProperty('nextPageToken')
    expect(() => googleModels(models, query('pageToken=x'))).toThrow(/pageToken/)
  })
})
