import { createServer, type Socket } from 'node:net'

/** One e-mail as the server took it. */
export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  /** Head and body, dots unstuffed. */
  readonly data: string
}

export interface SmtpServer {
  readonly url: string
  readonly mails: Mail[]
  /** Mails are answered with 451 while true. */
  refusing: boolean
  close(): Promise<void>
}

/** A mail server on loopback that speaks as much SMTP (RFC 5321) as a client needs, and delivers nothing. */
export async function smtpServer(): Promise<SmtpServer> {
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    talk(socket, server)
  })
  await new Promise<void>((ready) => listener.listen(0, '127.0.0.1', ready))
  const address = listener.address() as { port: number }
  const server: SmtpServer = {
    url: `smtp://127.0.0.1:${address.port}`,
    mails: [],
    refusing: false,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => listener.close(done))
    },
  }
  return server
}

function talk(socket: Socket, server: SmtpServer): void {
  const say = (line: string) => socket.write(`${line}\r\n`)
  let rest = ''
  let from = ''
  let to: string[] = []
  let data: string[] | null = null
  say('220 test ESMTP')
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1')
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 2)
      if (data === null) command(line)
      else if (line !== '.') data.push(line.replace(/^\./, ''))
      else {
        if (server.refusing) say('451 try again later')
        else {
          server.mails.push({ from, to, data: data.join('\r\n') })
          say('250 taken')
        }
        data = null
      }
    }
  })

  function command(line: string): void {
    const verb = line.split(/[ :]/, 1)[0]!.toUpperCase()
    const inBrackets = /<([^>]*)>/.exec(line)?.[1] ?? ''
    if (verb === 'EHLO' || verb === 'HELO') say('250 test')
    else if (verb === 'MAIL') {
      from = inBrackets
      to = []
      say('250 ok')
    } else if (verb === 'RCPT') {
      to.push(inBrackets)
      say('250 ok')
    } else if (verb === 'DATA') {
      data = []
      say('354 go on')
    } else if (verb === 'QUIT') {
      say('221 bye')
      socket.end()
    } else say(verb === 'RSET' || verb === 'NOOP' ? '250 ok' : '502 no')
  }
}
