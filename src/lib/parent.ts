/** What `whenParentGone` asks of a process; the real one in use, a fake in tests. */
export interface ParentView {
  readonly ppid: number
}

/**
 * Calls `gone` once when the parent process has ended, even by SIGKILL: an orphan gets another parent, which is looked
 * at every `everyMs` milliseconds. `parentPid` is the parent's process id as it passed it on (a decimal string); when
 * it is absent or isn't the parent now, nothing is watched. Returns a function that stops watching. The timer does not
 * keep the process alive.
 */
export function whenParentGone(
  parentPid: string | undefined,
  gone: () => void,
  { view = process, everyMs = 1000 }: { view?: ParentView; everyMs?: number } = {},
): () => void {
  const expected = Number(parentPid)
  if (!expected || view.ppid !== expected) return () => {}
  const timer = setInterval(() => {
    if (view.ppid === expected) return
    clearInterval(timer)
    gone()
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
