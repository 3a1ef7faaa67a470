/** A composite primary key is an array. */
export type Id = number | string | readonly (number | string)[]

/** What changed. `manage.py cable_types --typescript` writes the type of your project's. */
export interface Change {
  /** What happened and to what: "create#tasks", "update#tasks", "destroy#tasks". */
  action: string
  id: Id
  /** Seconds since the epoch, or milliseconds if the server says so; of updates only. */
  updatedAt?: number
  /** The keys that the resource's "payload" adds. */
  readonly [further: string]: unknown
}

/**
 * Why it is not known what changed: "start" (no position was given or kept, or events are shared with another
 * tab), "history" or the server's own word (it could not be replayed).
 */
export interface Refetch {
  reason: string
}

export interface State {
  name: "connecting" | "open" | "waiting" | "closed"
  transport?: "websocket" | "events"
  /** Why it waits or is closed; the server's word, "silence", or "client" after close(). */
  reason?: string | null
  /** While it waits: milliseconds since the epoch. */
  retryAt?: number
}

export interface Options<C extends Change = Change> {
  /** A path, or a URL of ws, wss, http or https. Default: "/cable". */
  url?: string
  /** Of Server-Sent Events. Default: the url and "/events". */
  eventsUrl?: string
  /** Default: "NotificationsChannel". Events have this one only. */
  channel?: string
  /**
   * The name of this page, which also goes with its requests (X-Cable-Client): it is not told at once of its own
   * changes. The connection is then not shared.
   */
  client?: string
  /** For another site's page, which can send no cookie. A function is asked before each connection, and has 10 s. */
  token?: string | (() => string | Promise<string>)
  /** The Cable-Position that came with the page's state. Default: where this tab was before it was reloaded. */
  position?: string | null
  /** Instead of a position, seconds since the epoch by the server's clock. A server that was restored is not noticed. */
  since?: number
  /** Where the position is kept. Default: sessionStorage. null: nowhere. */
  storage?: Pick<Storage, "getItem" | "setItem"> | null
  /**
   * Whether the tabs of this browser share one connection; a text: those with the same text do, such as the user's id.
   * Default: true, without `client`.
   */
  share?: boolean | string
  /** Milliseconds in which changes are gathered after one that was told at once. Default: 100. */
  coalesce?: number
  /** At least one change; each row once for each action, in the order of their last. */
  onChange?(changes: C[]): void
  /** Read the state again: some changes are not told. */
  onRefetch?(refetch: Refetch): void
  onState?(state: State): void
  /** Where there is no global one, in Node before 22 for example. */
  WebSocket?: unknown
  fetch?: typeof fetch
}

export interface Cable {
  readonly state: State
  /** Opaque; null while none is known. Everything up to it was told. */
  readonly position: string | null
  /** Whether this tab holds the connection. */
  readonly leads: boolean
  /** Now, if it waits or was closed by the server. */
  reconnect(): void
  close(): void
}

export function connect<C extends Change = Change>(options: Options<C>): Cable
