// The first rival: the barest server that passes a request on with `fetch`. It checks nobody, hides nothing, adds nothing.

const service = process.env['SERVICE']!

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env['PORT']),
  development: false,
  idleTimeout: 0,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  fetch: ({ url, method, headers, body }) =>
    fetch(service + url.slice(url.indexOf('/', 'http://'.length)), {
      method,
      headers,
      body,
      redirect: 'manual',
      decompress: false,
    }),
})
