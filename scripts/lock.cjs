'use strict'
// A lock between processes, as a file that names its holder. The holder touches it while it works, so that one of a
// dead process is recognised on this machine by its process id, across containers by its age.

var fs = require('fs')
var os = require('os')
var speak = require('./console.cjs')

var STALE_MS = 30000
var TOUCH_MS = 2000

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** The process id of the holder; null when nobody holds the lock, or somebody dead. */
function holder(file) {
  try {
    var words = fs.readFileSync(file, 'utf8').split(' ')
    var pid = Number(words[0])
    var age = Date.now() - fs.statSync(file).mtime.getTime()
    // A file without a name yet is being written by its holder right now.
    if (!pid) return age < TOUCH_MS ? -1 : null
    return age < STALE_MS && (words[1] !== os.hostname() || isAlive(pid)) ? pid : null
  } catch (_) {
    return null
  }
}

/** 'created' (ours), 'renamed' (ours if the name in it is still ours in a moment) or 'held' (somebody else's). */
function attempt(file) {
  var mine = process.pid + ' ' + os.hostname()
  try {
    fs.writeFileSync(file, mine, { flag: 'wx' })
    return 'created'
  } catch (error) {
    if (error.code !== 'EEXIST')
      speak.stop('cannot write ' + file + ' (' + error.code + '): make its directory writable for this user.')
  }
  if (holder(file) !== null) return 'held'
  var draft = file + '.' + process.pid
  fs.writeFileSync(draft, mine)
  if (holder(file) !== null) {
    fs.unlinkSync(draft)
    return 'held'
  }
  fs.renameSync(draft, file)
  return 'renamed'
}

/**
 * Calls `locked(release)` once this process holds the lock `file`, taking over one whose holder is dead. One that waits
 * says so once. The lock also ends with the process.
 */
function withLock(file, locked) {
  var told = false
  function hold() {
    var touch = setInterval(function () {
      var now = new Date()
      fs.utimes(file, now, now, function () {})
    }, TOUCH_MS)
    function release() {
      clearInterval(touch)
      process.removeListener('exit', release)
      // Suspended for longer than a lock lives, we may have lost it to another process.
      if (holder(file) === process.pid) fs.unlinkSync(file)
    }
    process.on('exit', release)
    locked(release)
  }
  function next() {
    var got = attempt(file)
    if (got === 'created') return hold()
    if (got === 'renamed') {
      // Of two that take over at once, the later rename wins; both look who it was.
      return setTimeout(function () {
        if (holder(file) === process.pid) hold()
        else next()
      }, 250)
    }
    if (!told) speak.say('another command is installing (process ' + holder(file) + '), waiting for it')
    told = true
    setTimeout(next, 200)
  }
  next()
}

module.exports = { withLock: withLock }
