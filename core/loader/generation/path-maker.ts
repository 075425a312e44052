// Makes the path at an external service, with the query, out of the URL of a request to its adapter.

import type { ProxyOptions } from '@home-console/sdk'

/** @param prefix under which the adapter's routes are */
export function pathMaker(
  { path, base = '' }: ProxyOptions,
  prefix: string,
): (url: string, parameter: (name: string) => string | undefined) => string {
  if (path === undefined) {
    return (url) => {
      const rest = url.slice(url.indexOf('/', 'https://'.length) + prefix.length)
      return rest.startsWith('/') ? base + rest : `${base}/${rest}`
    }
  }
  // `/clients/{id}/files`: texts, and between them names.
  const parts = path.split(/\{([^}]*)\}|:([A-Za-z0-9_]+)/).filter((part) => part !== undefined)
  return (url, parameter) => {
    let made = base
    for (const [index, part] of parts.entries()) {
      if (index % 2 === 0) made += part
      else made += encodeURIComponent(given(parameter(part), part, path))
    }
    const query = url.indexOf('?')
    return query === -1 ? made : made + url.slice(query)
  }
}

function given(value: string | undefined, name: string, path: string): string {
  if (value !== undefined) return value
  throw new Error(`ctx.proxy: "${path}" has {${name}}, but the route that was called has no such parameter.`)
}
