export { startFailure } from './failure.ts'
export { openOffline } from './offline.ts'
export { Server } from './server.ts'
