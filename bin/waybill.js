#!/usr/bin/env node
'use strict'
// The published command. It must parse and run on any old Node (var and function only), so that an old one ends in a
// sentence, not in a stack trace or a crash of the native SQLite module.

var fs = require('fs')
var path = require('path')
var launch = require('./launch.cjs')

var root = path.dirname(fs.realpathSync(__dirname))

/** A clone has the sources and runs them; the published package has only dist/. */
function entry() {
  var source = path.join(root, 'src', 'cli', 'index.ts')
  return fs.existsSync(source) ? source : path.join(root, 'dist', 'cli', 'index.js')
}

function say(sentence) {
  process.stderr.write('waybill: ' + sentence + '\n')
}

/** A newer Node installed as a package: in the package's own node_modules, beside it, or in the clone. */
function newerNode() {
  var places = [path.join(root, 'node_modules'), path.dirname(root)]
  for (var i = 0; i < places.length; i++) {
    var found = launch.packagedNode(places[i])
    if (found && found.file !== process.execPath && launch.versionOf(found.file)) return found.file
  }
  return null
}

function main() {
  var argv = process.argv.slice(2)
  if (!launch.isSupported(process.version)) {
    var node = newerNode()
    if (!node) {
      say(launch.tooOld(process.version))
      process.exit(1)
    }
    launch.run(node, [__filename].concat(argv), process.env, function (code, error) {
      if (error) say('could not start ' + node + ': ' + error.message)
      process.exit(code)
    })
    return
  }
  if (!fs.existsSync(entry())) {
    say('this installation is incomplete (' + entry() + ' is missing): install waybill again.')
    process.exit(1)
  }
  require('./modern.cjs')(require('url').pathToFileURL(entry()).href, argv).catch(function (error) {
    process.stderr.write(((error && error.stack) || String(error)) + '\n')
    process.exitCode = 70
  })
}

main()
