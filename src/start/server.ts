import { randomBytes } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { createApp } from '../app.ts'
import { GatewayError } from '../chat/index.ts'
import type { Config } from '../config/index.ts'
import { isLoopbackAddress } from '../http/hosts.ts'
import { createServer } from '../http/server.ts'
import { mintKey } from '../identity/index.ts'
import { type Clock, whenParentGone } from '../lib/index.ts'
import type { Environment } from '../providers/index.ts'
import { restoreSqlite } from '../store/index.ts'
import type { Log } from '../telemetry/index.ts'
import { ActiveProbes } from './active-probes.ts'
import { drain, watchConnections } from './drain.ts'
import { type FirstKey, firstRunLines, makeFirstKey, readyJson, type StartFacts } from './first-run.ts'
import { checkBackup } from './offline.ts'
import { checkProviders, findLocalServers } from './probes.ts'
import { type LocalServer, type Wired, wire } from './wire.ts'

/** A restore waits so long for running requests, ms. */
const RESTORE_MS = 120_000
/** The same signal within so many ms is one signal: terminal and launcher both send it. */
const DUPLICATE_MS = 500
/** Ports tried after the default one. */
const PORTS = 20
/** People are shown what the probes of provider keys said if they say it within so many ms. */
const PROBE_PATIENCE_MS = 800

export interface ServerOptions {
  readonly clock: Clock
  readonly env: Environment
  readonly log: Log
  /** An explicit port that is busy is an error; the default one moves on. */
  readonly portIsExplicit: boolean
  /** The data directory is not the usual one. */
  readonly dataIsNamed: boolean
  readonly firstKey: boolean
  readonly json: boolean
  readonly print: (line: string) => void
}

/** The running program: listens, reloads, restores, drains. */
export class Server {
  readonly #options: ServerOptions
  readonly #operatorKey = mintKey()
  #http: HttpServer | null = null
  #sockets: ReadonlySet<Socket> = new Set()
  #wired: Wired | null = null
  #config: Config | null = null
  #warnings: readonly string[] = []
  #local: readonly LocalServer[] = []
  #runtimeFile: string | null = null
  #url = ''
  #firstKey: FirstKey | null = null
  readonly #activeProbes = new ActiveProbes(() => this.#wired, Math.random)

  constructor(options: ServerOptions) {
    this.#options = options
  }

  /** Opens the database and listens. Throws an Error whose message says what is wrong and what to do. */
  async start(config: Config, warnings: readonly string[]): Promise<void> {
    if (!isLoopbackHost(config.server.host) && !config.server.public)
      throw new Error(
        `${config.server.host} can be reached from other machines: set server.public: true (or --public) if that is meant.`,
      )
    this.#config = config
    this.#warnings = warnings
    const wired = await this.#wire(config)
    this.#http = createServer(() => this.#wired!.gateway, createApp)
    this.#sockets = watchConnections(this.#http)
    const port = await this.#listen(this.#http, config.server.host, config.server.port)
    const url = `http://${hostInUrl(config.server.host)}:${port}`
    this.#writeRuntime(config.data, url)
    this.#firstKey = this.#options.firstKey ? await makeFirstKey(wired.gateway) : null
    this.#url = url
    this.#activeProbes.restart()
  }

  /** Tells the user that it is ready, with what the probes of provider keys say within a moment. */
  async announce(): Promise<void> {
    const { env, log, print, json, dataIsNamed } = this.#options
    const config = this.#config!
    const probing = this.#probe(env)
    if (!json)
      await Promise.race([probing, new Promise((done) => setTimeout(done, PROBE_PATIENCE_MS).unref())])
    const { gateway } = this.#wired!
    const facts: StartFacts = {
      version: gateway.version,
      url: this.#url,
      wantedPort: config.server.port,
      dataDir: config.data,
      dataIsNamed,
      database: gateway.store.engine,
      firstKey: this.#firstKey,
      states: gateway.states,
      warnings: gateway.snapshot.warnings,
      credits: config.credits,
    }
    for (const line of json ? [readyJson(facts)] : firstRunLines(facts)) print(line)
    log.debug('listening', { ms: Math.round(performance.now()) })
  }

  /** Puts a reloaded configuration in force for the requests to come. */
  apply(config: Config, warnings: readonly string[]): void {
    this.#config = config
    this.#warnings = warnings
    this.#wired?.apply(config, warnings, this.#local)
    void this.#probe(this.#options.env)
    this.#activeProbes.restart()
  }

  /** Closes what a failed start left open. */
  async abandon(): Promise<void> {
    this.#http?.close()
    await this.#wired?.close().catch(() => undefined)
    this.#removeRuntime()
  }

  /** Serves until SIGTERM or SIGINT (or the launcher's end), then drains: open requests end, new ones get 503. A second signal cuts them. */
  async untilSignal(launcherPid: string | undefined): Promise<number> {
    const cut = new AbortController()
    await new Promise<void>((drain) => {
      let last = Number.NEGATIVE_INFINITY
      let draining = false
      const onSignal = () => {
        const now = this.#options.clock.tick()
        const duplicate = now - last < DUPLICATE_MS
        last = now
        if (duplicate) return
        if (draining) cut.abort()
        draining = true
        drain()
      }
      process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
      whenParentGone(launcherPid, onSignal)
    })
    this.#activeProbes.stop()
    const served = { http: this.#http!, sockets: this.#sockets }
    await drain(served, this.#wired!, this.#options.clock, cut.signal)
    this.#removeRuntime()
    return 0
  }

  async #wire(config: Config): Promise<Wired> {
    const { env, clock, log } = this.#options
    this.#wired = await wire({
      config,
      env,
      clock,
      log,
      operatorKey: this.#operatorKey,
      warnings: this.#warnings,
      local: this.#local,
      restore: (file) => this.#restore(file),
    })
    return this.#wired
  }

  /** Checks the backup, lets running requests end, swaps the database and goes on serving from it. */
  async #restore(file: string): Promise<void> {
    const wired = this.#wired!
    const config = this.#config!
    if (wired.gateway.store.engine !== 'sqlite')
      throw new GatewayError(
        'invalid_request',
        'On Postgres restore with pg_restore; this command is for the embedded database.',
      )
    await checkBackup(file, config.data)
    wired.gateway.draining = true
    const deadline = this.#options.clock.tick() + RESTORE_MS
    while (wired.gateway.inFlight > 0 && this.#options.clock.tick() < deadline)
      await new Promise((done) => setTimeout(done, 25))
    if (wired.gateway.inFlight > 0) {
      wired.gateway.draining = false
      throw new GatewayError(
        'unavailable',
        'Requests are still running; the restore was given up. Try again later.',
      )
    }
    await wired.close()
    try {
      await restoreSqlite(file, config.data)
    } finally {
      const states = wired.gateway.states
      await this.#wire(config)
      this.#wired!.gateway.states = states
    }
  }

  /** Tries every provider key with a call that costs nothing, and looks for local servers. */
  async #probe(env: Environment): Promise<void> {
    const wired = this.#wired!
    const config = this.#config!
    const checked = checkProviders(wired)
    const local = config.detect ? await findLocalServers(wired, env) : []
    const known = (servers: readonly LocalServer[]) =>
      JSON.stringify(
        servers.map(({ settings, models }) => [settings.definition.id, models.map(({ id }) => id)]),
      )
    if (known(local) !== known(this.#local)) {
      this.#local = local
      this.#wired?.apply(this.#config!, this.#warnings, local)
    }
    await checked
  }

  async #listen(server: HttpServer, host: string, port: number): Promise<number> {
    const last = this.#options.portIsExplicit ? port : port + PORTS
    for (let candidate = port; ; candidate++) {
      try {
        await listen(server, host, candidate)
        return (server.address() as AddressInfo).port
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code !== 'EADDRINUSE' && code !== 'EACCES')
          throw new Error(`Cannot listen on ${host}:${port}: ${(error as Error).message}`)
        if (candidate >= last)
          throw new Error(
            code === 'EACCES'
              ? `Port ${port} is not allowed for this user. Choose one above 1023 with --port.`
              : `Port ${port} is in use by another program. Choose another one with --port, or stop that program.`,
          )
      }
    }
  }

  #writeRuntime(dataDir: string, url: string): void {
    const file = join(dataDir, 'runtime.json')
    const text = JSON.stringify({
      url,
      pid: process.pid,
      operator_key: this.#operatorKey,
      version: this.#wired!.gateway.version,
    })
    const temporary = `${file}.${randomBytes(4).toString('hex')}`
    writeFileSync(temporary, `${text}\n`, { mode: 0o600 })
    renameSync(temporary, file)
    this.#runtimeFile = file
  }

  #removeRuntime(): void {
    if (this.#runtimeFile !== null) rmSync(this.#runtimeFile, { force: true })
    this.#runtimeFile = null
  }
}

function listen(server: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host)
}

/** Any-addresses are no place to call: people are told the loopback one. */
function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
