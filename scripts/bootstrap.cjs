'use strict'
// `npm start`, `npm test`, `npm run check | bench | build | dev` begin here: install what is missing, find a Node that is
// new enough (the pinned one comes as a package), then run the real program on it. No pre-script does this, because
// ignore-scripts would skip those. This file and those it requires must parse and run on any old Node: var and function,
// Node's own modules and npm only.

var fs = require('fs')
var path = require('path')
var launch = require('../bin/launch.cjs')
var speak = require('./console.cjs')
var ensureInstalled = require('./install.cjs').ensureInstalled

var root = path.dirname(__dirname)
var modules = path.join(root, 'node_modules')

/** The program of each command, the arguments around it and the dependencies it needs. */
var COMMANDS = {
  start: { set: 'production', program: 'src/main.ts', before: launch.SERVER_FLAGS, after: ['start'] },
  dev: {
    set: 'all',
    program: 'src/main.ts',
    before: launch.SERVER_FLAGS.concat('--watch'),
    after: ['start'],
  },
  test: { set: 'all', program: 'scripts/test.ts' },
  agents: { set: 'all', program: 'test/agents/main.ts' },
  'routing-sim': { set: 'all', program: 'scripts/routing-sim.ts' },
  resilience: { set: 'all', program: 'scripts/resilience.ts' },
  faults: { set: 'all', program: 'scripts/faults.ts' },
  sim: { set: 'all', program: 'test/sim/main.ts' },
  crash: { set: 'all', program: 'scripts/crash.ts' },
  check: { set: 'all', program: 'scripts/check.ts' },
  bench: { set: 'all', program: 'bench/main.ts' },
  build: { set: 'all', program: 'scripts/build.ts' },
}

/** npm puts node_modules/.bin first in PATH, where `node` is the pinned one that an installation may be replacing. */
function pathWithoutModules() {
  return (process.env.PATH || '')
    .split(path.delimiter)
    .filter(function (dir) {
      return !/[\\/]node_modules[\\/]\.bin[\\/]?$/.test(dir)
    })
    .join(path.delimiter)
}

/** The system's own Node, { file, version }: this process, unless it is the pinned one; else what PATH offers, or null. */
function systemNode() {
  var self = fs.realpathSync(process.execPath)
  if (self.indexOf(modules + path.sep) !== 0) return { file: self, version: process.version }
  var dirs = process.env.PATH.split(path.delimiter)
  for (var i = 0; i < dirs.length; i++) {
    var file = path.join(dirs[i], process.platform === 'win32' ? 'node.exe' : 'node')
    var version = dirs[i] && fs.existsSync(file) ? launch.versionOf(file) : null
    if (version) return { file: file, version: version }
  }
  return null
}

/** The Node to run on: the pinned package, else the system's own when it is new enough. */
function findNode() {
  var pinned = launch.packagedNode(modules)
  // Running on it proves that it runs here; else that has to be tried (it doesn't where the C library is musl, say).
  if (
    pinned &&
    (fs.realpathSync(process.execPath) === fs.realpathSync(pinned.file) || launch.versionOf(pinned.file))
  ) {
    return pinned.file
  }
  var system = systemNode()
  if (system && launch.isSupported(system.version)) return system.file
  speak.stop(launch.tooOld(system ? system.version : process.version))
}

/** The name of a process and the id of its parent, { name, parent }, on Linux; else null. */
function lookUp(pid) {
  try {
    var stat = fs.readFileSync('/proc/' + pid + '/stat', 'utf8')
    var nameEnd = stat.lastIndexOf(')')
    return { name: stat.slice(stat.indexOf('(') + 1, nameEnd), parent: stat.slice(nameEnd + 2).split(' ')[1] }
  } catch (_) {
    return null
  }
}

/** Who started us: npm, or the shell that it put in between together with that shell's parent. */
function starters() {
  var shell = lookUp(process.ppid)
  return process.ppid + (shell && /sh$/.test(shell.name) ? ' ' + shell.parent : '')
}

/** npm may be killed without a word to its children: what it started ends as by SIGTERM when it is gone. */
function followNpm() {
  if (!process.ppid || !process.env.npm_lifecycle_event) return
  var first = starters()
  var timer = setInterval(function () {
    if (starters() === first) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, 1000)
  timer.unref()
}

function start(command, argv) {
  var program = path.join(root, command.program)
  if (!fs.existsSync(program)) {
    speak.stop(command.program + ' is missing: restore it with `git checkout ' + command.program + '`.')
  }
  var node = findNode()
  var args = (command.before || []).concat(program, command.after || [], argv)
  // Compiled code is kept beside the dependencies: it halves the time to ready from the second start on.
  if (command === COMMANDS.start && !process.env.NODE_COMPILE_CACHE) {
    process.env.NODE_COMPILE_CACHE = path.join(modules, '.cache', 'compiled')
  }
  launch.run(node, args, process.env, function (code, error) {
    if (error) speak.stop('could not start ' + node + ': ' + error.message)
    process.exit(code)
  })
}

function main() {
  var command = COMMANDS[process.argv[2]]
  if (!command) speak.stop('no such command: use one of ' + Object.keys(COMMANDS).join(', ') + '.')
  process.env.PATH = pathWithoutModules()
  followNpm()
  ensureInstalled(command.set, systemNode, function () {
    start(command, process.argv.slice(3))
  })
}

main()
