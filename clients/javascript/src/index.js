import { Burst } from "./burst.js"
import { addresses } from "./addresses.js"
import { Link } from "./link.js"
import { atTime, later, Memory } from "./position.js"
import { Tabs } from "./tabs.js"

/** See index.d.ts for the options. */
export function connect(options) {
  return new Cable({ url: "/cable", channel: "NotificationsChannel", coalesce: 100, ...options })
}

/**
 * One tab's view of the connection, whichever tab holds it. What happens is one of these events, which the tab
 * that holds the connection also tells the others:
 *
 *   {change, position}, {position}, {refetch: reason}, {state: {name, reason, retryAt, transport}}
 */
class Cable {
  state = { name: "connecting" }

  #options
  #memory
  #burst
  #tabs
  #following = false // nothing is missing between the position and what is heard

  constructor(options) {
    this.#options = options
    const { url, channel, client, since, storage, coalesce, share = !client } = options
    const position = options.position || (since && atTime(since))
    const where = { ...addresses(url, options.eventsUrl), ...options }
    const name = ["sync-cable", where.socketUrl, channel, share === true ? "" : share].join(" ")
    this.#memory = new Memory(name, position, storage)
    this.#burst = new Burst(coalesce, (changes) => this.#deliver(changes))
    const link = new Link(where, () => this.#memory.position)
    this.#tabs = new Tabs(share && name, link, this.#memory, (event) => this.#happened(event))
    this.#tabs.join()
    this.#listen("addEventListener")
  }

  /** Opaque; null while none is known. */
  get position() {
    return this.#memory.position
  }

  /** Whether this tab holds the connection. */
  get leads() {
    return this.#tabs.leads
  }

  /** At once, instead of after the wait; and after the server closed for good. */
  reconnect() {
    if (this.state.name !== "closed") return this.#tabs.retry()
    this.#listen("addEventListener")
    this.#tabs.join()
  }

  close() {
    this.#listen("removeEventListener")
    this.#tabs.leave()
    this.#burst.flush()
    this.#become({ name: "closed", reason: "client" })
  }

  #happened({ change, position, refetch, state, joined }) {
    if (joined !== undefined) this.#following = joined
    // It is of no use to the server. The next one is.
    if (refetch) this.#memory.position = null
    if (change) this.#burst.add(change)
    if (position && this.#following) this.#memory.position = later(this.#memory.position, position)
    if (!this.#burst.waiting) this.#memory.keep()
    if (refetch) {
      this.#burst.flush()
      safely(() => this.#options.onRefetch?.({ reason: refetch }))
    }
    if (state) this.#become(state)
  }

  #deliver(changes) {
    safely(() => this.#options.onChange?.(changes))
    this.#memory.keep()
  }

  #become(state) {
    if (JSON.stringify(state) === JSON.stringify(this.state)) return
    this.state = state
    safely(() => this.#options.onState?.(state))
  }

  #wake = (event) => {
    if (event.type === "pageshow" && event.persisted) this.#tabs.rejoin()
    if (!globalThis.document?.hidden) this.#tabs.retry(event.type === "online")
  }

  #listen(verb) {
    for (const type of ["online", "pageshow"]) globalThis[verb]?.(type, this.#wake)
    globalThis.document?.[verb]("visibilitychange", this.#wake)
  }
}

/** A callback that throws is reported as any uncaught error, and stops nothing of ours. */
function safely(callback) {
  try {
    callback()
  } catch (error) {
    const report = globalThis.reportError ?? console.error
    report(error)
  }
}
