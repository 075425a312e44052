// What the house and one service tell each other besides requests, as long as an adapter wants the service: its document is
// kept and held against what the adapter uses, and events go out to its webhook.

import type { Undo } from '@home-console/sdk'
import type { Clock } from '../../clock.ts'
import type { OwnedLog } from '../../log/log.ts'
import { call } from '../call.ts'
import type { Change, ExternalService } from '../external-service.ts'
import { KeptDocument } from './kept-document.ts'
import { Webhook } from './webhook.ts'

/** A document of a service, as far as it matters here. */
interface Describing {
  readonly version: string
  /** The operations that it has, as `keyOf` writes them. */
  readonly keys: ReadonlySet<string>
}

/** An event as the house tells of it. */
interface Told {
  readonly position: number
  readonly type: string
  /** The whole CloudEvent as JSON. */
  readonly text: string
}

export interface CorrespondenceOptions<Document extends Describing> {
  readonly service: ExternalService
  readonly clock: Clock
  readonly logOf: (plugin: string | null) => OwnedLog
  readonly documents: {
    /** @throws Error why the text is no document */
    readonly read: (text: string) => Document
    /** Two spellings of one operation have one key. */
    readonly keyOf: (operation: string) => string
    /** The document is another one. */
    readonly onChange: () => void
  }
  readonly events: {
    /** Calls back with each event. */
    readonly follow: (callback: (event: Told) => void) => Undo
    /** Unique within this house. */
    readonly idOf: (event: Told) => string
    readonly matches: (pattern: string, type: string) => boolean
  }
}

/** How many types are known to be wanted or not; more are forgotten, and looked at anew. */
const MAX_KNOWN_TYPES = 1_000

export class Correspondence<Document extends Describing> {
  readonly #options: CorrespondenceOptions<Document>
  readonly #service: ExternalService
  readonly #document: KeptDocument<Document>
  readonly #deafen: Undo
  readonly #wanted = new Map<string, boolean>()
  #tookCalls = false
  #webhook: { readonly path: string; readonly queue: Webhook; readonly unfollow: Undo } | null = null

  constructor(options: CorrespondenceOptions<Document>) {
    this.#options = options
    this.#service = options.service
    this.#document = new KeptDocument({
      name: this.#service.name,
      clock: options.clock,
      log: () => this.#log,
      path: () => this.#service.manifest.openapi,
      fetch: () => (this.#takesCalls ? this.#fetch : null),
      read: (text) => options.documents.read(text),
      onChange: () => this.#judgeAnew(),
    })
    this.#deafen = this.#service.listen((change) => this.#notice(change))
    this.#notice('reach')
  }

  /** The last good one. */
  get document(): Document | null {
    return this.#document.document
  }

  stop(): void {
    this.#deafen()
    this.#document.stop()
    this.#endWebhook()
  }

  get #log(): OwnedLog {
    return this.#options.logOf(this.#service.adapter)
  }

  get #takesCalls(): boolean {
    const { state, reach } = this.#service
    return reach !== null && (state === 'up' || state === 'incompatible')
  }

  readonly #fetch = async (path: string, init: RequestInit): Promise<Response> => {
    const { reach, trouble } = this.#service
    if (reach === null) throw new Error(trouble ?? 'it is gone.')
    reach.begin()
    try {
      return await call(reach, path, init)
    } finally {
      reach.end()
    }
  }

  #notice(change: Change): void {
    if (change === 'claim') return this.#judge()
    this.#wanted.clear()
    this.#settleWebhook()
    const didTakeCalls = this.#tookCalls
    this.#tookCalls = this.#takesCalls
    // Between `up` and `incompatible`, which its document decides, nothing changes for whoever calls it.
    if (!this.#takesCalls || (change === 'state' && didTakeCalls)) return
    this.#document.refresh()
    this.#webhook?.queue.resume()
  }

  #judgeAnew(): void {
    const { document, fault } = this.#document
    const isNone = document === null && fault === null
    this.#service.document = isNone ? null : { version: document?.version ?? null, fault }
    this.#judge()
    this.#options.documents.onChange()
  }

  /** Whether the service has what its adapter uses. Where it says nothing of itself, it is taken to have it. */
  #judge(): void {
    const { document } = this.#document
    const { keyOf } = this.#options.documents
    this.#service.missing =
      document === null ? [] : this.#service.uses.filter((operation) => !document.keys.has(keyOf(operation)))
  }

  #settleWebhook(): void {
    const { adapter, mode, manifest } = this.#service
    const { webhook, wants } = manifest.events
    const path = adapter === null || mode === 'in_process' || wants.length === 0 ? undefined : webhook
    if (path === this.#webhook?.path) return
    this.#endWebhook()
    if (path === undefined) return
    const queue = new Webhook({
      path,
      clock: this.#options.clock,
      log: () => this.#log,
      credential: () => (this.#takesCalls ? this.#service.reach!.credential : null),
      fetch: this.#fetch,
    })
    const unfollow = this.#options.events.follow((event) => {
      if (this.#wants(event.type)) queue.offer({ id: this.#options.events.idOf(event), text: event.text })
    })
    this.#webhook = { path, queue, unfollow }
  }

  #endWebhook(): void {
    this.#webhook?.unfollow()
    this.#webhook?.queue.stop()
    this.#webhook = null
  }

  #wants(type: string): boolean {
    let wanted = this.#wanted.get(type)
    if (wanted === undefined) {
      const { wants } = this.#service.manifest.events
      wanted = wants.some((pattern) => this.#options.events.matches(pattern, type))
      if (this.#wanted.size >= MAX_KNOWN_TYPES) this.#wanted.clear()
      this.#wanted.set(type, wanted)
    }
    return wanted
  }
}
