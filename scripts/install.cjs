'use strict'
// Brings node_modules to what package-lock.json says, with npm, once: what is installed is recorded with the lockfile's
// hash, and a second process waits for the first.

var childProcess = require('child_process')
var crypto = require('crypto')
var fs = require('fs')
var path = require('path')
var launch = require('../bin/launch.cjs')
var speak = require('./console.cjs')
var withLock = require('./lock.cjs').withLock

var root = path.dirname(__dirname)
var modules = path.join(root, 'node_modules')
var recordFile = path.join(modules, '.waybill-install.json')
var platform = process.platform + '-' + process.arch

/** Causes that npm's output gives away, and the sentence that helps. The first match wins. */
var CAUSES = [
  [/ENOSPC/, 'the disk is full: free about 500 MB and run the command again'],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT/,
    'the npm registry cannot be reached: check the network, the proxy and `npm config get registry`, then run the command again',
  ],
  [
    /EACCES|EPERM|EROFS/,
    'npm may not write to this directory or to its cache: make both writable for this user',
  ],
  [
    /EINTEGRITY/,
    'a downloaded package is not the expected one: run `npm cache clean --force`, then the command again',
  ],
  [
    /E40[134]/,
    'the npm registry refuses a package: check `npm config get registry`, then run the command again',
  ],
]

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch (_) {
    return null
  }
}

function lockedPackages() {
  return (readJson(path.join(root, 'package-lock.json')) || {}).packages || {}
}

function lockHash() {
  try {
    return crypto
      .createHash('sha256')
      .update(fs.readFileSync(path.join(root, 'package-lock.json')))
      .digest('hex')
  } catch (_) {
    speak.stop('package-lock.json is missing: restore it with `git checkout package-lock.json`.')
  }
}

/** Ends when package.json asks for something else than the lockfile holds: npm would quietly resolve it anew. */
function requireAgreement() {
  var described = readJson(path.join(root, 'package.json')) || {}
  var locked = lockedPackages()[''] || {}
  ;['dependencies', 'devDependencies', 'optionalDependencies'].forEach(function (kind) {
    var wanted = described[kind] || {}
    var held = locked[kind] || {}
    Object.keys(wanted)
      .concat(Object.keys(held))
      .forEach(function (name) {
        if (wanted[name] === held[name]) return
        speak.stop(
          'package.json and package-lock.json disagree about ' +
            name +
            ': restore both with `git checkout package.json package-lock.json`, or bring the lockfile up to date with `npm install`.'
        )
      })
  })
}

/** True when what is recorded as installed serves `set`; all dependencies serve production as well. */
function serves(record, set, hash) {
  return (
    Boolean(record) &&
    record.lock === hash &&
    record.platform === platform &&
    (record.set === 'all' || record.set === set)
  )
}

function writeRecord(set, hash) {
  fs.writeFileSync(recordFile, JSON.stringify({ lock: hash, set: set, platform: platform }) + '\n')
}

/**
 * Which set npm left complete ('production' | 'all'), else null: it writes node_modules/.package-lock.json when it is
 * through, which is compared with the lockfile entry by entry. Other platforms' packages may be absent, the pinned Node
 * only where the system's is new enough (npm passes over an optional package that it cannot fetch).
 */
function installedByNpm(systemNode) {
  var wanted = lockedPackages()
  var present = (readJson(path.join(modules, '.package-lock.json')) || {}).packages
  if (!present) return null
  var pinned = 'node_modules/' + launch.nodePackage()
  var lacking = { production: false, all: false }
  Object.keys(wanted).forEach(function (place) {
    var entry = wanted[place]
    if (place.indexOf('node_modules/') < 0) return
    if (place !== pinned && (entry.optional || entry.devOptional)) return
    var there = present[place]
    if (there && there.version === entry.version && fs.existsSync(path.join(root, place))) return
    if (place === pinned && launch.isSupported((systemNode() || {}).version)) return
    lacking.all = true
    if (!entry.dev) lacking.production = true
  })
  return lacking.all ? (lacking.production ? null : 'production') : 'all'
}

/** How to run npm: the one that runs us, on a Node that it cannot replace under itself; else the one in PATH. */
function npmCommand(systemNode) {
  var script = process.env.npm_execpath
  var node = script && /npm-cli\.c?js$/.test(script) ? systemNode() : null
  if (node) return { file: node.file, args: [script], shell: false }
  return { file: 'npm', args: [], shell: process.platform === 'win32' }
}

/** How many packages `set` has, without the optional ones. */
function sizeOf(set) {
  var packages = lockedPackages()
  return Object.keys(packages).filter(function (place) {
    var entry = packages[place]
    return (
      place.indexOf('node_modules/') >= 0 &&
      !entry.optional &&
      !entry.devOptional &&
      (set === 'all' || !entry.dev)
    )
  }).length
}

function secondsSince(began) {
  return ((Date.now() - began) / 1000).toFixed(1) + ' s'
}

/** npm's last words, without notices and pointers to log files. */
function lastLines(output) {
  return output
    .split('\n')
    .filter(function (line) {
      return line.trim() && !/A complete log of this run|EBADENGINE|npm notice/.test(line)
    })
    .slice(-8)
    .map(function (line) {
      return '  ' + line
    })
    .join('\n')
}

function explain(output) {
  for (var i = 0; i < CAUSES.length; i++) {
    if (CAUSES[i][0].test(output)) return CAUSES[i][1]
  }
  return 'see the lines of npm below, then run the command again'
}

/** Runs npm quietly; `done(code, output)` when it ended. A signal to us ends npm, then us. */
function runNpm(npm, args, done) {
  var output = ''
  var interrupted = null
  var child = childProcess.spawn(npm.file, npm.args.concat(args), {
    cwd: root,
    shell: npm.shell,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  function collect(chunk) {
    output = (output + chunk).slice(-20000)
  }
  var interrupts = ['SIGINT', 'SIGTERM', 'SIGHUP'].map(function (signal) {
    function interrupt() {
      interrupted = signal
      child.kill(signal)
    }
    process.on(signal, interrupt)
    return [signal, interrupt]
  })
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  child.on('error', function (error) {
    speak.stop(
      'npm could not be started (' +
        error.code +
        '): install Node with npm from https://nodejs.org and run the command again.'
    )
  })
  child.on('close', function (code, signal) {
    if (interrupted) process.exit(launch.exitCode(null, interrupted))
    interrupts.forEach(function (pair) {
      process.removeListener(pair[0], pair[1])
    })
    done(launch.exitCode(code, signal), output)
  })
}

/**
 * Installs `set` from the lockfile and calls `installed`. It is `npm install`, not `npm ci`: that one empties
 * node_modules first, below a server that may be running on it, and refuses a lockfile without the entries of other
 * platforms' binaries. What `npm ci` would check is checked here, before (package.json) and after (every entry).
 */
function install(set, systemNode, installed) {
  var began = Date.now()
  var args = ['install', '--no-save', set === 'all' ? '--include=dev' : '--omit=dev', '--include=optional']
  args.push('--ignore-scripts', '--no-engine-strict', '--no-audit', '--no-fund', '--no-update-notifier')
  speak.say(
    'installing ' + sizeOf(set) + ' packages and the pinned Node' + (set === 'all' ? ', tools included' : '')
  )
  var ticker = setInterval(function () {
    speak.say('still installing, ' + secondsSince(began))
  }, 5000)
  runNpm(npmCommand(systemNode), args.concat('--loglevel=error'), function (code, output) {
    clearInterval(ticker)
    if (code !== 0) {
      speak.stop(
        'installing failed after ' + secondsSince(began) + ': ' + explain(output) + '.',
        lastLines(output)
      )
    }
    var found = installedByNpm(systemNode)
    if (found !== 'all' && found !== set) {
      speak.stop(
        'npm did not install all that package-lock.json names: use npm 7 or newer, check `npm config get registry`, delete node_modules and run the command again.',
        lastLines(output)
      )
    }
    speak.say('installed in ' + secondsSince(began))
    installed()
  })
}

/**
 * Calls `ready` when the dependencies of `set` ('production' | 'all') stand, installing them when they don't.
 * `systemNode()` answers { file, version } of a Node outside node_modules, or null.
 */
function ensureInstalled(set, systemNode, ready) {
  var hash = lockHash()
  if (serves(readJson(recordFile), set, hash)) return ready()
  withLock(path.join(root, '.install.lock'), function (release) {
    var record = readJson(recordFile)
    function finish(installedSet) {
      if (installedSet) writeRecord(installedSet, hash)
      release()
      ready()
    }
    if (serves(record, set, hash)) return finish()
    requireAgreement()
    var found = installedByNpm(systemNode)
    if (found === 'all' || found === set) return finish(found)
    // Tools that were installed before are kept up to date, so that `npm start` never takes them away.
    var hasTools = (record && record.set === 'all') || fs.existsSync(path.join(modules, 'vitest'))
    var wanted = hasTools ? 'all' : set
    if (record) fs.unlinkSync(recordFile)
    install(wanted, systemNode, function () {
      finish(wanted)
    })
  })
}

module.exports = { ensureInstalled: ensureInstalled }
