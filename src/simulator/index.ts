export { type Behaviour, SIMULATED_MODELS, SIMULATOR, type SimulatedModel } from './models.ts'
export { createSimulator, type Simulator, type Timers } from './simulator.ts'
