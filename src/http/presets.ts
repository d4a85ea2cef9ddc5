import { GatewayError } from '../chat/index.ts'
import type { Gateway, Snapshot } from './gateway.ts'
import type { Presets } from './preset.ts'
import { readSettings } from './preset-shape.ts'

/** The presets that an organization may use: its own before those of the configuration, none that is switched off. */
export function presetsFor(gateway: Gateway, { catalog, config }: Snapshot, organizationId: string): Presets {
  return {
    preset(slug) {
      const own = gateway.presets.find(organizationId, slug)
      if (own?.status === 'active') return own.designated
      if (own !== undefined) {
        throw new GatewayError(
          'not_found',
          `The preset "${slug}" is ${own.status}. PATCH /api/v1/presets/${slug} with {"status": "active"} switches it on.`,
        )
      }
      if (Object.hasOwn(config.presets, slug)) return config.presets[slug]!
      throw new GatewayError(
        'not_found',
        `There is no preset "${slug.slice(0, 64)}". GET /api/v1/presets lists those that there are.`,
      )
    },
    thinks: (model) => catalog.resolve(model)?.variants.includes('thinking') === true,
  }
}

/** A sentence for each preset of the configuration whose settings no request could have. */
export function presetWarnings({ presets }: Snapshot['config']): string[] {
  return Object.entries(presets).flatMap(([name, { config }]) => {
    try {
      readSettings(config)
      return []
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return [`presets.${name}: ${error.message} Requests with this preset answer 400 until it is mended.`]
    }
  })
}
