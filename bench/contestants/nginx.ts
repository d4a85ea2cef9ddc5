import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnAt } from '../machine.ts'
import { answering, type Contestant, cacheDir, freePort, modelNames, run, running } from './contestant.ts'

const UNPACKED = () => join(cacheDir('nginx'), 'usr/sbin/nginx')

/** The stand-in for the limit: bytes are moved, nothing is looked at. */
export const nginx: Contestant = {
  name: 'nginx',
  setup: '`proxy_pass`, one worker, keep-alive upstream, no buffering of answers, no access log',

  async prepare() {
    const { stderr } = await versionOf(await binary())
    return stderr
  },

  async start(mockPort) {
    const port = await freePort()
    const dir = cacheDir('nginx/run')
    const file = join(dir, 'nginx.conf')
    writeFileSync(file, config(dir, port, mockPort))
    const child = spawnAt('contestant', await binary(), ['-p', dir, '-c', file, '-e', 'stderr'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    await answering(`http://127.0.0.1:${port}/healthz`, child, 5_000)
    return running(child, { port, path: '/v1/chat/completions', headers: {}, models: modelNames() })
  },
}

/** The system's nginx, else Debian's package unpacked into the cache: nothing is installed into the system. */
async function binary(): Promise<string> {
  for (const file of ['/usr/sbin/nginx', '/usr/local/sbin/nginx', UNPACKED()])
    if (existsSync(file)) return file
  if (!existsSync('/usr/bin/apt-get')) throw new Error('nginx is not installed')
  const cwd = cacheDir('nginx')
  try {
    await run('apt-get', ['download', 'nginx'], { cwd })
  } catch {
    await run('apt-get', ['update', '-qq'], { cwd }).catch(() => undefined)
    await run('apt-get', ['download', 'nginx'], { cwd })
  }
  await run('sh', ['-c', 'dpkg -x nginx_*.deb .'], { cwd })
  return UNPACKED()
}

async function versionOf(file: string): Promise<{ stderr: string }> {
  const said = await run('sh', ['-c', `${file} -v 2>&1`])
  return { stderr: said.replace('nginx version: nginx/', '') }
}

function config(dir: string, port: number, mockPort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(dir, name)};`)
    .join('\n  ')
  return `
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${join(dir, 'nginx.pid')};
events { worker_connections 8192; }
http {
  access_log off;
  ${temporary}
  client_max_body_size 16m;
  client_body_buffer_size 256k;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  upstream mock {
    server 127.0.0.1:${mockPort};
    keepalive 2048;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /healthz { return 204; }
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`
}
