export { SIMULATED_MODELS, SIMULATOR } from './models.ts'
export { createSimulator } from './simulator.ts'
