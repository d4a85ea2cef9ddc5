import { expect, test } from 'vitest'
import { Drops } from './drops.ts'
import { fromGoogleSchema, restrictSchema } from './schema.ts'

function restrict(schema: unknown): { schema: unknown; lost: string[] } {
  const drops = new Drops()
  const restricted = restrictSchema(schema, 'tools', drops)
  return { schema: restricted, lost: drops.list.map(({ reason }) => /`(.*)`/.exec(reason)?.[1] ?? '') }
}

test('what Google takes stays as it is', () => {
  const schema = {
    type: 'object',
    title: 'T',
    description: 'D',
    properties: {
      a: { type: ['string', 'null'], enum: ['x', 'y'] },
      b: { type: 'array', items: { type: 'number', minimum: 1 }, maxItems: 3 },
      c: { anyOf: [{ $ref: '#/$defs/C' }, { type: 'null' }] },
      type: { type: 'string', format: 'date-time' },
    },
    required: ['a'],
    additionalProperties: false,
    $defs: { C: { type: 'object', properties: { next: { $ref: '#/$defs/C' } } } },
  }
  expect(restrict(schema)).toEqual({ schema, lost: [] })
})

test.each([
  [{ oneOf: [{ type: 'string' }, { type: 'number' }] }, { anyOf: [{ type: 'string' }, { type: 'number' }] }],
  [{ const: 'x' }, { enum: ['x'], type: 'string' }],
  [{ type: 'string', nullable: true }, { type: ['string', 'null'] }],
  [{ enum: ['a', null] }, { enum: ['a'], type: ['string', 'null'] }],
  [
    { type: 'integer', exclusiveMinimum: 0 },
    { type: 'integer', minimum: 1 },
  ],
  [{ items: [{ type: 'string' }] }, { prefixItems: [{ type: 'string' }] }],
  [{ $schema: 's', type: 'object', default: {}, examples: [1], 'x-y': 1 }, { type: 'object' }],
  [
    {
      definitions: { A: { type: 'string' } },
      properties: { a: { $ref: '#/definitions/A', description: 'd' } },
    },
    {
      $defs: { A: { type: 'string' } },
      properties: { a: { anyOf: [{ $ref: '#/$defs/A' }], description: 'd' } },
    },
  ],
  [{ allOf: [{ $ref: '#/$defs/A' }] }, { $ref: '#/$defs/A' }],
  [
    {
      allOf: [
        { properties: { a: { type: 'string' } }, required: ['a'] },
        { properties: { b: {} }, required: ['b'] },
      ],
      type: 'object',
    },
    { type: 'object', properties: { a: { type: 'string' }, b: {} }, required: ['a', 'b'] },
  ],
])('%j is rewritten without loss', (schema, rewritten) => {
  expect(restrict(schema)).toEqual({ schema: rewritten, lost: [] })
})

test('what cannot be said is left out and named', () => {
  const { schema, lost } = restrict({
    type: 'object',
    properties: {
      a: { type: 'string', pattern: '^x', minLength: 1, format: 'uuid' },
      b: { not: { type: 'string' }, enum: [true] },
      c: { type: 'number', exclusiveMaximum: 1, multipleOf: 2 },
    },
    patternProperties: { x: {} },
    if: {},
  })
  expect(schema).toEqual({
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'boolean' }, c: { type: 'number' } },
  })
  expect(lost).toEqual([
    'pattern',
    'minLength',
    'format: uuid',
    'not',
    'enum',
    'exclusiveMaximum',
    'multipleOf',
    'patternProperties',
    'if',
  ])
})

test('a schema that leads back to itself, or is very deep, ends', () => {
  expect(
    restrict({ $defs: { A: { allOf: [{ $ref: '#/$defs/A' }, {}] } }, allOf: [{ $ref: '#/$defs/A' }, {}] })
      .lost,
  ).toContain('allOf')
  let deep: object = { type: 'string' }
  for (let i = 0; i < 200; i++) deep = { items: deep }
  expect(restrict(deep).lost).toEqual(['depth'])
})

test("Google's own Schema reads as JSON Schema", () => {
  expect(
    fromGoogleSchema({
      type: 'OBJECT',
      properties: {
        type: { type: 'STRING', nullable: true, format: 'enum', enum: ['A'] },
        list: { type: 'ARRAY', items: { type: 'INTEGER' }, minItems: '2', max_items: 3 },
        any: { any_of: [{ type: 'BOOLEAN' }, { type: 'NULL' }] },
      },
      required: ['type'],
      propertyOrdering: ['type'],
    }),
  ).toEqual({
    type: 'object',
    properties: {
      type: { type: ['string', 'null'], enum: ['A'] },
      list: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 3 },
      any: { anyOf: [{ type: 'boolean' }, { type: 'null' }] },
    },
    required: ['type'],
  })
})
