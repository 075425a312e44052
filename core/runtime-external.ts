// The share that external services have in the house's document and events; loaded when the first of them is wanted.

import type { EventBus } from './bus/event-bus.ts'
import { matches } from './bus/pattern.ts'
import type { Clock } from './clock.ts'
import { Correspondence } from './external/correspondence/correspondence.ts'
import type { ExternalService } from './external/external-service.ts'
import type { App } from './http/app.ts'
import { readExternalDocument, type ExternalDocument } from './http/document/external-document.ts'
import { withExternal } from './http/document/external-part.ts'
import type { DocumentPart } from './http/document/openapi.ts'
import type { Mount } from './http/mount.ts'
import { keyOf } from './http/routing/proxied.ts'
import type { Log } from './log/log.ts'

export interface ExternalShareOptions {
  readonly app: App
  readonly bus: EventBus
  readonly clock: Clock
  readonly log: Log
}

export class ExternalShare {
  readonly #options: ExternalShareOptions
  readonly #correspondences = new Map<string, Correspondence<ExternalDocument>>()
  /** What was joined last, for each part of an adapter: no other swap walks through it again. */
  readonly #joined = new WeakMap<DocumentPart, { with: ExternalDocument; part: DocumentPart }>()

  constructor(options: ExternalShareOptions) {
    this.#options = options
  }

  /** It is wanted. */
  take(service: ExternalService): void {
    if (this.#correspondences.has(service.name)) return
    const { app, bus, clock, log } = this.#options
    const correspondence = new Correspondence({
      service,
      clock,
      logOf: (plugin) => log.of(plugin),
      documents: {
        read: readExternalDocument,
        keyOf,
        onChange: () => app.describeAnew(),
      },
      events: {
        follow: (callback) => bus.follow(callback),
        // That of the event stream.
        idOf: ({ position }) => `${bus.log.epoch}-${position}`,
        matches,
      },
    })
    this.#correspondences.set(service.name, correspondence)
  }

  /** An adapter's part of the document, with what its routes lead to at the service. */
  describe(service: string, part: DocumentPart, id: string, mount: Mount): DocumentPart {
    const document = this.#correspondences.get(service)?.document ?? null
    if (document === null) return part
    const known = this.#joined.get(part)
    if (known?.with === document) return known.part
    const { prefix, proxied, proxiedAt } = mount
    const joined = withExternal(part, { id, prefix, document, proxied, proxiedAt })
    this.#joined.set(part, { with: document, part: joined })
    return joined
  }

  stop(): void {
    for (const correspondence of this.#correspondences.values()) correspondence.stop()
  }
}
