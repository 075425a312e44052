// Everything a plugin is written with. This is the whole public surface; `./testing` is for its tests.

export { createRoute, z } from '@hono/zod-openapi'
export { definePlugin } from './plugin.ts'
export { Problem, problem } from './problem.ts'
export { ProblemBody, problems } from './problem-body.ts'

export type { PluginDefinition } from './plugin.ts'
export type {
  EventData,
  EventType,
  Health,
  Home,
  PluginContext,
  ScheduleOptions,
  TaskOptions,
  Undo,
} from './context.ts'
export type { Db, DbSchema } from './db.ts'
export type { ExternalService, ExternalState, Mode, ProxyHandler, ProxyOptions } from './external.ts'
export type { LogFields, Logger } from './logger.ts'
export type {
  Changes,
  CloudEvent,
  Difference,
  EventFor,
  EventSchemas,
  Events,
  EventsOf,
  Hold,
  Matches,
  PluginEvent,
  PluginFault,
  Reload,
  ReloadCause,
  ReloadOutcome,
} from './event.ts'
export type {
  Caller,
  PluginRouter,
  PluginSocket,
  RouterEnv,
  RouterOptions,
  RouterVariables,
  Security,
  SocketHandlers,
} from './router.ts'
export type {
  ImplementationOf,
  ServiceHandle,
  ServiceImplementation,
  ServiceName,
  ServiceOf,
  ServiceResult,
  Services,
} from './service.ts'
export type { StandardIssue, StandardResult, StandardSchemaV1 } from './standard-schema.ts'
