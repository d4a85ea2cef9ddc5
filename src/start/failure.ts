/** What the system's codes mean to someone who starts a server. */
const CAUSES: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  SQLITE_READONLY: 'this user may not write there',
  SQLITE_CANTOPEN: 'its files cannot be opened',
  ENOSPC: 'the disk is full',
  SQLITE_FULL: 'the disk is full',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'it is a file',
  ENOENT: 'a part of the path cannot be made',
}

/** Why the database or its directory cannot be used, as a sentence with its remedy; any other error keeps its own words. */
export function startFailure(thrown: unknown, dataDir: string): string {
  const { code, message } = thrown as NodeJS.ErrnoException
  if (message.startsWith('the database: '))
    return `The database cannot be used: ${message.slice('the database: '.length)}. Does it run, and is \`database\` right?`
  const known = Object.keys(CAUSES).find((name) => code?.startsWith(name) || message.includes(name))
  if (known === undefined) return message
  return `The data directory ${dataDir} cannot be used: ${CAUSES[known]}. Name another one with --data, or mend it.`
}
