// The doors before a service that are compared: the Core's proxy, the barest pass-through in Bun, and nginx.

import { join } from 'node:path'
import { CoreProcess } from '../lib/core.ts'
import { freePort, onCore, ServerProcess } from '../lib/process.ts'
import type { Workspace } from '../lib/workspace.ts'

const SERVICE_CORE = 0
const FRONT_CORE = 1

/** Each service has an adapter of its name, which passes everything on. */
export const pathOf = (service: string, path: string) => `/api/plugins/${service}${path}`

export function startService(workspace: Workspace, name: string): Promise<ServerProcess> {
  return startBun(workspace, name, 'service.ts', SERVICE_CORE, {})
}

export function startBare(workspace: Workspace, service: ServerProcess): Promise<ServerProcess> {
  const env = { SERVICE: service.url.href.slice(0, -1) }
  return startBun(workspace, 'bare', 'bare-proxy.ts', FRONT_CORE, env)
}

export async function startCore(
  workspace: Workspace,
  services: Readonly<Record<string, ServerProcess>>,
): Promise<CoreProcess> {
  for (const [name, { url }] of Object.entries(services)) {
    workspace.write('plugins', { [`${name}.ts`]: adapterOf(name) })
    workspace.write(`external/${name}`, {
      'service.json': JSON.stringify({ name, version: '1.0.0', url: url.href }),
    })
  }
  workspace.linkPackages()
  const core = await CoreProcess.start({
    workspace,
    wrap: (command) => onCore(FRONT_CORE, command),
    env: {
      EXTERNAL_DIR: workspace.path('external'),
      ...Object.fromEntries(
        Object.keys(services).map((name) => [
          `EXTERNAL_${name.toUpperCase()}__CREDENTIAL`,
          'a-credential-of-the-benchmark',
        ]),
      ),
    },
  })
  for (const name of Object.keys(services)) {
    while ((await core.statusOf(pathOf(name, '/small'))) !== 200) await Bun.sleep(10)
  }
  return core
}

const adapterOf = (name: string) => `
import { definePlugin } from '@home-console/sdk'
export default definePlugin({
  external: '${name}',
  modes: ['microservice'],
  onLoad(ctx) {
    const router = ctx.router()
    router.all('/*', ctx.proxy())
    return router
  },
})
`

/** @throws Error where there is no nginx */
export async function startNginx(workspace: Workspace, service: ServerProcess): Promise<ServerProcess> {
  const nginx = Bun.which('nginx', { PATH: `${process.env['PATH']}:/usr/sbin` })
  if (nginx === null) throw new Error('there is no nginx')
  const port = freePort()
  workspace.write('nginx', { 'nginx.conf': nginxConf(workspace.path('nginx'), port, service.url.host) })
  return ServerProcess.start({
    command: onCore(FRONT_CORE, [
      nginx,
      '-p',
      workspace.path('nginx'),
      '-c',
      workspace.path('nginx', 'nginx.conf'),
    ]),
    port,
    readyAt: '/health',
    cwd: workspace.folder,
    logFile: workspace.path('nginx.log'),
  })
}

/** Connections to the service are kept, bodies stream, and the same headers are written as the Core writes. */
const nginxConf = (folder: string, port: number, service: string) => `
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 0;
  upstream service { server ${service}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Cookie "";
      proxy_set_header Authorization "Bearer a-credential-of-the-benchmark";
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`

function startBun(
  workspace: Workspace,
  name: string,
  file: string,
  core: number,
  env: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const port = freePort()
  return ServerProcess.start({
    command: onCore(core, [process.execPath, join(import.meta.dir, file)]),
    port,
    readyAt: '/health',
    cwd: import.meta.dir,
    env: { ...env, PORT: String(port) },
    logFile: workspace.path(`${name}.log`),
  })
}
