import type { ConfiguredPreset } from './config.ts'
import type { BuildContext } from './context.ts'
import type { FileConfig } from './schema.ts'

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/** Fields that have a place of their own in a preset, or that belong to one request only. */
const NOT_SETTINGS: Readonly<Record<string, string>> = {
  model: 'put it beside `settings`',
  models: 'put it beside `settings`',
  system_prompt: 'put it beside `settings`',
  messages: 'a preset says nothing itself; there is `system_prompt`',
  stream: 'each request says how its answer travels',
  preset: 'a preset takes in no other',
}

/** The presets of the file; what their settings mean is for requests to say. */
export function buildPresets(
  presets: NonNullable<FileConfig['presets']>,
  { problem }: BuildContext,
): Readonly<Record<string, ConfiguredPreset>> {
  const built: Record<string, ConfiguredPreset> = {}
  for (const [name, preset] of Object.entries(presets)) {
    const path = ['presets', name]
    if (!NAME.test(name)) {
      problem(
        path,
        `\`${name}\` cannot name a preset: take lower-case letters, digits, dots, dashes and underscores, at most 64.`,
        true,
      )
    }
    const { description = null, system_prompt: systemPrompt = null, settings = {}, ...models } = preset
    for (const [field, why] of Object.entries(NOT_SETTINGS)) {
      if (Object.hasOwn(settings, field)) {
        problem([...path, 'settings', field], `\`${field}\` is no setting of a preset: ${why}.`, true)
      }
    }
    built[name] = { description, systemPrompt, config: { ...models, ...settings } }
  }
  return built
}
