/** What an answer tells its reader, in this order: head, data (any number of times), end. */
export interface AnswerHandler {
  /** The final head; interim answers are skipped. */
  onAnswerHead(status: number, head: AnswerHead): void
  /** All the body bytes that one read brought, without chunk frames; theirs to keep. */
  onAnswerData(data: Buffer): void
  onAnswerEnd(): void
}

/** Not HTTP/1.1, or lengths that don't add up: nothing that follows on the connection can be trusted. */
export class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer'
}

/** Nobody needs more interim answers (100, 102, 103) before the final one. */
const MAX_INTERIM = 16
/** Longest line with the size of a chunk and its extensions, bytes. */
const MAX_SIZE_LINE = 4_096
/** Digits of a chunk's size: below 2^48, exact as a number. */
const MAX_SIZE_DIGITS = 12

/** RFC 9112, sections 4 and 5: no folded lines, no space before the colon, no control characters. */
const HEAD =
  /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*)*$/
const LENGTH = /^\d{1,15}$/

const CR = 13
const LF = 10
const SEMICOLON = 59

/** Head of an answer; headers are looked up, since few of them are ever asked for. */
export class AnswerHead {
  readonly status: number
  readonly #text: string
  readonly #lower: string

  /** @param text the status line and headers, without the empty line. @throws {BrokenAnswer} */
  constructor(text: string) {
    if (!HEAD.test(text)) throw new BrokenAnswer('The head is not HTTP/1.1.')
    this.#text = text
    this.#lower = text.toLowerCase()
    this.status = Number(text.slice(9, 12))
  }

  /** HTTP/1.0 closes its connections. */
  get isOld(): boolean {
    return this.#text.charCodeAt(7) === 48
  }

  /** The value of a header, several joined by a comma; `name` in lower case. */
  header(name: string): string | undefined {
    const mark = `\r\n${name}:`
    let value: string | undefined
    for (let at = this.#lower.indexOf(mark); at !== -1; at = this.#lower.indexOf(mark, at + mark.length)) {
      const end = this.#text.indexOf('\r\n', at + mark.length)
      const one = this.#text.slice(at + mark.length, end === -1 ? undefined : end).trim()
      value = value === undefined ? one : `${value}, ${one}`
    }
    return value
  }
}

/** What the next byte belongs to. The names of a chunk's parts in order: size, extension, line feed, data, its end. */
type State =
  | 'head'
  | 'length'
  | 'close'
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'done'

/** Reads one HTTP/1.1 answer after the other from the bytes of a connection, strictly. */
export class AnswerReader {
  readonly #handler: AnswerHandler
  readonly #maxHeadBytes: number
  #state: State = 'done'
  /** Bytes of a head, or of trailers, that is not whole yet. */
  #partial: Buffer | null = null
  #interim = 0
  /** Body or chunk bytes that are missing. */
  #missing = 0
  #digits = 0
  #lineBytes = 0
  /** In the trailers: the line so far is empty; the byte before was a carriage return. */
  #lineEmpty = true
  #afterCr = false
  /** Whether another answer may follow on the connection. */
  #reusable = false

  constructor(handler: AnswerHandler, maxHeadBytes: number) {
    this.#handler = handler
    this.#maxHeadBytes = maxHeadBytes
  }

  /** A request was sent: its answer is what comes next. */
  expect(): void {
    this.#state = 'head'
    this.#partial = null
    this.#interim = 0
    this.#reusable = false
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  get reusable(): boolean {
    return this.#reusable
  }

  /** Takes what a read brought; may change it. @throws {BrokenAnswer} */
  push(read: Buffer): void {
    if (this.#state === 'done') throw new BrokenAnswer('Bytes came after the end of the answer.')
    const rest = this.#state === 'head' ? this.#readHead(read) : read
    if (rest !== null && this.#state !== 'head') this.#readBody(rest)
  }

  /** The connection has ended. @returns whether that was the end of the answer */
  end(): boolean {
    if (this.#state !== 'close') return this.#state === 'done'
    this.#finish()
    return true
  }

  /** @returns the bytes after the final head, or null while it is not whole */
  #readHead(read: Buffer): Buffer | null {
    let data = this.#partial === null ? read : Buffer.concat([this.#partial, read])
    this.#partial = null
    for (;;) {
      const end = data.indexOf('\r\n\r\n', 0, 'latin1')
      if (end > this.#maxHeadBytes || (end === -1 && data.length > this.#maxHeadBytes))
        throw new BrokenAnswer(`The head is larger than ${this.#maxHeadBytes} bytes.`)
      if (end === -1) {
        // What can't become a head is told at once, not after a wait for its end.
        if (!'HTTP/1.'.startsWith(data.toString('latin1', 0, 7))) throw new BrokenAnswer('This is not HTTP.')
        this.#partial = data === read ? Buffer.from(data) : data
        return null
      }
      const head = new AnswerHead(data.toString('latin1', 0, end))
      data = data.subarray(end + 4)
      if (head.status >= 200) {
        this.#begin(head)
        return data
      }
      if (head.status === 101 || ++this.#interim > MAX_INTERIM)
        throw new BrokenAnswer('Interim answers that were not asked for.')
    }
  }

  /** How the body is delimited: RFC 9112, section 6.3; where two rules disagree, nothing is guessed. */
  #begin(head: AnswerHead): void {
    const coding = head.header('transfer-encoding')
    const length = head.header('content-length')
    const connection = head.header('connection')
    this.#reusable = !head.isOld && !(connection !== undefined && /\bclose\b/i.test(connection))
    if (coding !== undefined && (length !== undefined || head.isOld || coding.toLowerCase() !== 'chunked'))
      throw new BrokenAnswer('The length of the body is ambiguous.')
    if (length !== undefined && !LENGTH.test(length))
      throw new BrokenAnswer('The length of the body is not a number.')
    const bare = head.status === 204 || head.status === 304
    if (bare) this.#expectBytes(0)
    else if (coding !== undefined) this.#expectSize()
    else if (length !== undefined) this.#expectBytes(Number(length))
    else {
      this.#state = 'close'
      this.#reusable = false
    }
    this.#handler.onAnswerHead(head.status, head)
  }

  #expectBytes(count: number): void {
    this.#state = 'length'
    this.#missing = count
  }

  #expectSize(): void {
    this.#state = 'size'
    this.#missing = 0
    this.#digits = 0
    this.#lineBytes = 0
  }

  #readBody(data: Buffer): void {
    if (this.#state === 'length') this.#readLength(data)
    else if (data.length === 0) return
    else if (this.#state === 'close') this.#handler.onAnswerData(data)
    else this.#readChunks(data)
  }

  #readLength(data: Buffer): void {
    const taken = data.length > this.#missing ? data.subarray(0, this.#missing) : data
    this.#missing -= taken.length
    if (taken.length > 0) this.#handler.onAnswerData(taken)
    if (this.#missing > 0) return
    // Bytes beyond the end belong to nobody.
    if (taken.length < data.length) this.#reusable = false
    this.#finish()
  }

  /** Moves the bodies of all chunks in the read together, so that they go on as one piece. */
  #readChunks(data: Buffer): void {
    let kept = 0
    let at = 0
    while (at < data.length && !this.done) {
      if (this.#state !== 'data') {
        this.#frameByte(data[at++]!)
        continue
      }
      const end = Math.min(data.length, at + this.#missing)
      if (kept !== at) data.copyWithin(kept, at, end)
      kept += end - at
      this.#missing -= end - at
      if (this.#missing === 0) this.#state = 'data-cr'
      at = end
    }
    if (at < data.length) this.#reusable = false
    if (kept > 0) this.#handler.onAnswerData(data.subarray(0, kept))
    if (this.done) this.#handler.onAnswerEnd()
  }

  #frameByte(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#sizeByte(byte)
        return
      case 'extension':
        if (byte === CR) this.#state = 'size-lf'
        else if (byte === LF || ++this.#lineBytes > MAX_SIZE_LINE) throw brokenChunk()
        return
      case 'size-lf':
        if (byte !== LF) throw brokenChunk()
        this.#state = this.#missing > 0 ? 'data' : 'trailer'
        this.#lineBytes = 0
        this.#lineEmpty = true
        return
      case 'data-cr':
        if (byte !== CR) throw brokenChunk()
        this.#state = 'data-lf'
        return
      case 'data-lf':
        if (byte !== LF) throw brokenChunk()
        this.#expectSize()
        return
      default:
        this.#trailerByte(byte)
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw brokenChunk()
      this.#missing = this.#missing * 16 + digit
    } else if (this.#digits === 0) throw brokenChunk()
    else if (byte === CR) this.#state = 'size-lf'
    else if (byte === SEMICOLON) this.#state = 'extension'
    else throw brokenChunk()
  }

  /** Trailers are read past; the answer ends with an empty line. */
  #trailerByte(byte: number): void {
    if (++this.#lineBytes > this.#maxHeadBytes || this.#afterCr !== (byte === LF)) throw brokenChunk()
    if (this.#afterCr && this.#lineEmpty) this.#state = 'done'
    if (byte !== CR) this.#lineEmpty = this.#afterCr
    this.#afterCr = byte === CR
  }

  #finish(): void {
    this.#state = 'done'
    this.#handler.onAnswerEnd()
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

function brokenChunk(): BrokenAnswer {
  return new BrokenAnswer('The chunks of the body are broken.')
}
