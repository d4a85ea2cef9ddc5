export { startFailure } from './failure.ts'
export { type Offline, openOffline } from './offline.ts'
export { Server, type ServerOptions } from './server.ts'
