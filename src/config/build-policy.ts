import { findProvider, providerNames, providerSlug } from '../providers/index.ts'
import type { ConfiguredPolicy } from './config.ts'
import type { BuildContext } from './context.ts'
import type { FileConfig } from './schema.ts'
import { didYouMean } from './suggest.ts'

/** What all organizations may use: slugs in their usual spelling; one that names no provider is reported. */
export function buildPolicy(file: FileConfig, { problem }: BuildContext): ConfiguredPolicy {
  const { policy = {} } = file
  const own = Object.keys(file.providers ?? {})
  const slugs = (field: 'allowed_providers' | 'ignored_providers'): readonly string[] | null =>
    policy[field]?.map((text, i) => {
      const slug = providerSlug(text)
      const [name = ''] = slug.split('/')
      if (findProvider(name) === undefined && !own.includes(name) && name !== 'simulator') {
        const meant = didYouMean(name, [...providerNames(), ...own])
        problem(['policy', field, i], `\`${name}\` is no known provider.${meant}`)
      }
      return slug
    }) ?? null
  return {
    allowedModels: policy.allowed_models ?? null,
    allowedProviders: slugs('allowed_providers'),
    ignoredProviders: slugs('ignored_providers'),
    dataCollection: policy.data_collection ?? 'allow',
    zdr: policy.zdr ?? false,
  }
}
