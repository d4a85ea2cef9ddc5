import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

/** New space of a worker, MiB: it handles short-lived rows; V8's own choice would keep tens of MiB for each thread. */
const YOUNG_MB = 8

/** Starts a worker beside this file: `.ts` when run from sources, `.js` when compiled. */
export function startWorker(name: 'writer' | 'reader', workerData: unknown): Worker {
  const url = new URL(`./${name}.worker${extname(import.meta.url)}`, import.meta.url)
  return new Worker(url, { workerData, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } })
}
