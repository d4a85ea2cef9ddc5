export { Alerts } from './alerts.ts'
export type { Destination } from './destination.ts'
export { facts, type Words } from './message.ts'
export { findAlert, type ListedAlert, listAlerts, listMutes, setMute } from './query.ts'
