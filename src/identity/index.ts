export * from './key.ts'
export * from './keys.ts'
export * from './organizations.ts'
export * from './presets.ts'
