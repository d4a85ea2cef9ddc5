'use strict'
// Read only by a Node that is new enough: import() would not parse on the others.

var path = require('path')

// Compiled code is kept beside the dependencies (nowhere when that cannot be written): it halves the time to ready.
require('module').enableCompileCache(path.join(__dirname, '..', 'node_modules', '.cache', 'compiled'))

/** Runs the command line in this process; the exit code is what `run` answers. `entry` is a file URL. */
module.exports = function modern(entry, argv) {
  return import(entry)
    .then((cli) => cli.run(argv))
    .then((code) => {
      process.exitCode = code
    })
}
