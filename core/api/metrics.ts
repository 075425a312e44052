// The house in numbers, as Prometheus reads them.

import { createRoute, z } from '@home-console/sdk'
import type { DatabaseUsage } from '../db/plugin-databases.ts'
import type { ExternalView } from '../external/external-service.ts'
import { DURATION_BUCKETS } from '../http/request-stats.ts'
import type { DeclaringRouter } from '../http/routing/plugin-router.ts'
import { problems } from './answers.ts'
import type { CoreApi } from './core-api.ts'
import { openEventStreams } from './event-stream.ts'

const getMetrics = createRoute({
  method: 'get',
  path: '/metrics',
  operationId: 'getMetrics',
  summary: 'Prometheus text',
  responses: {
    200: {
      description: 'Version 0.0.4 of the text format.',
      content: { 'text/plain': { schema: z.string() } },
    },
    ...problems(401),
  },
})

type Labels = Record<string, string | number>
type Sample = readonly [labels: Labels, value: number]

export function metricsRoutes(router: DeclaringRouter, api: CoreApi): void {
  router.openapi(getMetrics, (c) =>
    c.text(render(api), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
  )
}

function render({ app, bus, databases, external, loader, services, startedAt, version }: CoreApi): string {
  const units = loader.list()
  const memory = process.memoryUsage()
  const cpu = process.cpuUsage()
  const count = loader.count()
  return [
    metric('home_console_info', 'gauge', 'The version of the Core.', [[{ version, bun: Bun.version }, 1]]),
    metric('process_start_time_seconds', 'gauge', 'When the process started.', [[{}, startedAt / 1_000]]),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [[{}, memory.rss]]),
    metric('process_cpu_seconds_total', 'counter', 'Processor time.', [[{}, (cpu.user + cpu.system) / 1e6]]),
    metric(
      'home_console_plugins',
      'gauge',
      'Plugins by state.',
      Object.entries(count).map(([state, value]) => [{ state }, value]),
    ),
    metric(
      'home_console_plugin_generation',
      'gauge',
      'The generation that serves.',
      units.map(({ id, generation }) => [{ plugin: id }, generation]),
    ),
    metric(
      'home_console_plugin_holds',
      'gauge',
      'What a plugin holds.',
      units.map(({ id, holds }) => [{ plugin: id }, holds.length]),
    ),
    metric(
      'home_console_plugin_faults_total',
      'counter',
      'Mistakes that were charged to a plugin.',
      Array.from(loader.faults, ([plugin, value]) => [{ plugin }, value]),
    ),
    ...databaseMetrics(databases),
    ...externalMetrics(external),
    metric(
      'home_console_service_calls_total',
      'counter',
      'Calls of services by what came of them.',
      services.list().flatMap(({ name, calls, failed }): Sample[] => [
        [{ service: name, outcome: 'ok' }, calls - failed],
        [{ service: name, outcome: 'failed' }, failed],
      ]),
    ),
    metric('home_console_events_total', 'counter', 'Events that were emitted.', [[{}, bus.emitted]]),
    metric('home_console_events_dropped_total', 'counter', 'Events that were dropped.', [[{}, bus.dropped]]),
    metric('home_console_events_delivered_total', 'counter', 'Deliveries to subscribers.', [
      [{}, bus.delivered],
    ]),
    metric('home_console_event_subscriptions', 'gauge', 'Subscriptions.', [[{}, bus.subscriptionCount]]),
    metric('home_console_event_streams', 'gauge', 'Open streams of the control plane.', [
      [{}, openEventStreams()],
    ]),
    metric(
      'home_console_http_requests_total',
      'counter',
      'Requests by who answered.',
      Array.from(app.stats, ([plugin, { byStatus }]) =>
        Array.from(byStatus, ([status, value]): Sample => [{ plugin, status }, value]),
      ).flat(),
    ),
    histogram(app),
  ].join('')
}

function databaseMetrics(databases: CoreApi['databases']): string[] {
  const used = databases.used.map((plugin) => [{ plugin }, databases.usageOf(plugin)!] as const)
  const of = (key: keyof DatabaseUsage) => used.map(([labels, usage]): Sample => [labels, usage[key]])
  return [
    metric('home_console_plugin_database_bytes', 'gauge', "A plugin's database on the disk.", of('bytes')),
    metric(
      'home_console_plugin_database_written_bytes_total',
      'counter',
      'Bytes that went to its log; about as many again go to the file.',
      of('written'),
    ),
    metric('home_console_plugin_queries_total', 'counter', 'Queries of its database.', of('queries')),
    metric(
      'home_console_plugin_slow_queries_total',
      'counter',
      'Those of more than 50 ms, for which the whole house waited.',
      of('slowQueries'),
    ),
  ]
}

function externalMetrics({ list }: CoreApi['external']): string[] {
  if (list.length === 0) return []
  const of = (value: (view: ExternalView) => number) =>
    list.map((service): Sample => [{ service: service.name }, value(service.view())])
  return [
    metric(
      'home_console_external_up',
      'gauge',
      'Whether an external service is up.',
      of(({ state }) => (state === 'up' ? 1 : 0)),
    ),
    metric(
      'home_console_external_restarts_total',
      'counter',
      'How often it was started again after it died.',
      of(({ restarts }) => restarts),
    ),
    metric(
      'home_console_external_in_flight',
      'gauge',
      'Calls under way to it.',
      of(({ inFlight }) => inFlight),
    ),
  ]
}

function histogram(app: CoreApi['app']): string {
  const name = 'home_console_http_request_duration_seconds'
  const lines = [
    `# HELP ${name} From a request's arrival to the head of its answer.`,
    `# TYPE ${name} histogram`,
  ]
  for (const [plugin, { buckets, seconds }] of app.stats) {
    let total = 0
    buckets.forEach((value, index) => {
      total += value
      lines.push(line(`${name}_bucket`, { plugin, le: DURATION_BUCKETS[index] ?? '+Inf' }, total))
    })
    lines.push(line(`${name}_sum`, { plugin }, seconds), line(`${name}_count`, { plugin }, total))
  }
  return `${lines.join('\n')}\n`
}

function metric(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => line(name, labels, value)),
    '',
  ].join('\n')
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, label]) => `${key}="${escape(String(label))}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
