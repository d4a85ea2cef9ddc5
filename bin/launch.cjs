'use strict'
// What both launchers (bin/waybill.js, scripts/bootstrap.cjs) share: is this Node new enough, where is a better one,
// and how to be a transparent parent of the real process. It must parse and run on any old Node: var and function only.

var fs = require('fs')
var path = require('path')
var spawn = require('child_process').spawn
var spawnSync = require('child_process').spawnSync

/** The oldest Node that runs Waybill: better-sqlite3 crashes without a word on older ones, undici 8 refuses them. */
var MINIMUM = [22, 19]

/** POSIX numbers, for exit codes of the form 128 + n, where the old Node has no os.constants. */
var SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }

/** `version` as in process.version ("v22.19.0"), or undefined; true when Waybill runs on it. */
function isSupported(version) {
  var parts = /^v?(\d+)\.(\d+)/.exec(version)
  if (!parts) return false
  var major = Number(parts[1])
  return major > MINIMUM[0] || (major === MINIMUM[0] && Number(parts[2]) >= MINIMUM[1])
}

/** The npm package that is a Node for this machine. */
function nodePackage() {
  return 'node-' + (process.platform === 'win32' ? 'win' : process.platform) + '-' + process.arch
}

/**
 * The Node that a `node-<platform>-<arch>` package in `modules` (a node_modules directory) brings along:
 * { file, version }, or null when there is none that is new enough.
 */
function packagedNode(modules) {
  var home = path.join(modules, nodePackage())
  var described
  try {
    described = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'))
  } catch (_) {
    return null
  }
  var bin = typeof described.bin === 'string' ? described.bin : (described.bin || {}).node
  if (!bin || !isSupported(described.version)) return null
  var file = path.join(home, bin)
  return fs.existsSync(file) ? { file: file, version: described.version } : null
}

/** The version that a node binary reports ("v26.10.0"), or null when it cannot run here (another libc, say). */
function versionOf(file) {
  var ran = spawnSync(file, ['-p', 'process.version'], { encoding: 'utf8', timeout: 20000 })
  return ran.status === 0 ? ran.stdout.trim() : null
}

/** The one sentence for a Node that is too old. */
function tooOld(version) {
  return (
    'Waybill needs Node ' +
    MINIMUM.join('.') +
    ' or newer, but this is ' +
    version +
    ': install a newer one from https://nodejs.org and run the command again.'
  )
}

/** The shell's exit code for a child that ended with `code` or by `signal`. */
function exitCode(code, signal) {
  if (!signal) return code === null || code === undefined ? 1 : code
  var known = require('os').constants
  return 128 + ((known && known.signals && known.signals[signal]) || SIGNALS[signal] || 0)
}

/**
 * Runs `node args` in the foreground, hands signals on and calls `done(code, error)` once when it has ended.
 *
 * A terminal sends SIGINT to the launcher and to its child alike, so the child may see a signal twice (it counts
 * duplicates within 500 ms once) and the launcher never ends before it. For the launcher's own death, even by SIGKILL,
 * the child finds WAYBILL_LAUNCHER_PID in its environment: when that is its parent (process.ppid) at its start, it looks
 * once a second whether it still is, and drains and ends when not (src/lib/parent.ts). A grandchild that inherits the
 * variable has another parent and ignores it.
 */
function run(node, args, environment, done) {
  environment.WAYBILL_LAUNCHER_PID = String(process.pid)
  var ended = false
  var child = spawn(node, args, { stdio: 'inherit', env: environment })
  function end(code, error) {
    if (ended) return
    ended = true
    done(code, error)
  }
  ;['SIGINT', 'SIGTERM', 'SIGHUP'].forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal)
    })
  })
  child.on('error', function (error) {
    end(126, error)
  })
  child.on('exit', function (code, signal) {
    end(exitCode(code, signal))
  })
  process.on('exit', function () {
    if (!ended) child.kill('SIGTERM')
  })
  return child
}

/**
 * Flags of the server's Node. What a request leaves is garbage soon after it has ended: a new space of 16 MiB outlives
 * requests under load, where one of 8 MiB keeps their halves alive into the old space, which costs a sixth more CPU and
 * 100 MiB; V8's own choice keeps more without being faster.
 */
var SERVER_FLAGS = ['--max-semi-space-size=16']

module.exports = {
  SERVER_FLAGS: SERVER_FLAGS,
  isSupported: isSupported,
  nodePackage: nodePackage,
  packagedNode: packagedNode,
  versionOf: versionOf,
  tooOld: tooOld,
  exitCode: exitCode,
  run: run,
}
