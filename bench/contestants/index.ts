import type { Contestant } from './contestant.ts'
import { litellm } from './litellm.ts'
import { nginx } from './nginx.ts'
import { portkey } from './portkey.ts'
import { waybill } from './waybill.ts'

/** In the order in which a round visits them. */
export const CONTESTANTS: readonly Contestant[] = [nginx, waybill, portkey, litellm]

export { type Contestant, modelNames, type Running } from './contestant.ts'
export { freshDataDir, startArgs, startWaybill } from './waybill.ts'
