'use strict'
// How the launchers of a clone speak: on stderr (stdout belongs to the program, it may be JSON), a line at a time.

function say(line) {
  process.stderr.write('waybill: ' + line + '\n')
}

/** Ends with one sentence: what is wrong and what to do; `details` (other programs' lines) follow it. */
function stop(sentence, details) {
  say(sentence)
  if (details) process.stderr.write(details + '\n')
  process.exit(1)
}

module.exports = { say: say, stop: stop }
