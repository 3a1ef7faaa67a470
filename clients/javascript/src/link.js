import { openEvents } from "./events.js"
import { openSocket } from "./socket.js"

const SILENCE = 10_000 // milliseconds: the server sends something every 3 s
const LONGEST_WAIT = 30_000
const SHORTEST_WAIT = 1_000

/**
 * A connection that comes back: a websocket, or events where no websocket gets to its subscription.
 *
 * A transport tells its sink: alive(), for whatever comes; ready(replayed) once it is subscribed and what it asked for
 * has been told, or could not be (false); changed(change, position); moved(position); refetch(reason); and at last
 * ended({reason, reconnect}), once.
 */
export class Link {
  from = null // the position that the connection of now began at

  #options
  #position
  #tell
  #transport = null
  #kind
  #failures = 0
  #timer
  #attempt = 0
  #hasToken = false // the attempt of now
  #waiting = false
  #patience = 0 // with websockets: how many may fail before another way is tried

  /** position(): where a connection begins. */
  constructor(options, position) {
    this.#options = options
    this.#position = position
    this.#kind = this.#first
  }

  get #first() {
    return this.#options.WebSocket ?? globalThis.WebSocket ? "websocket" : "events"
  }

  get canReplay() {
    return Boolean(this.#transport?.history)
  }

  /** tell(event): see index.js; and {ready: replayed} and {closed: reason}. */
  start(tell) {
    this.#tell = tell
    this.#kind = this.#first
    this.#failures = 0
    this.#open()
  }

  stop() {
    this.#attempt += 1
    clearTimeout(this.#timer)
    this.#transport?.close()
    this.#transport = null
  }

  /** Ends the wait for the next attempt, if there is one. */
  retry(anew) {
    if (anew) this.#kind = this.#first
    if (this.#waiting) this.#open()
  }

  /** answered(whether it was replayed) */
  history(position, answered) {
    this.#transport.history(position, answered)
  }

  /** As retry, also of a connection that is there. */
  restart() {
    this.stop()
    this.#open()
  }

  async #open() {
    this.#waiting = false
    clearTimeout(this.#timer)
    const attempt = ++this.#attempt
    this.#tell({ state: { name: "connecting", transport: this.#kind } })
    const sink = this.#sink(attempt)
    this.#hasToken = false
    sink.alive() // a token that never comes is silence as well
    try {
      const { token: given } = this.#options
      const token = await (typeof given === "function" ? given() : given)
      if (attempt !== this.#attempt) return
      this.#hasToken = true
      this.from = this.#position()
      const open = this.#kind === "events" ? openEvents : openSocket
      sink.alive()
      this.#transport = open({ ...this.#options, token, position: this.from }, sink)
    } catch (error) {
      sink.ended({ reason: String(error) })
    }
  }

  /** Of a connection that is no longer ours nothing is heard. */
  #sink(attempt) {
    const since = Date.now()
    let ready = false
    const sink = {
      alive: () => {
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => sink.ended({ reason: "silence", reconnect: true }), SILENCE)
      },
      ready: (replayed) => {
        ready = true
        // Where they worked, the server is more likely to be away than they to be blocked.
        if (this.#kind === "websocket") this.#patience = 2
        this.#tell({ ready: replayed, state: { name: "open", transport: this.#kind } })
      },
      changed: (change, position) => this.#tell({ change, position }),
      moved: (position) => this.#tell({ position }),
      refetch: (reason) => this.#tell({ refetch: reason }),
      ended: (farewell) => {
        this.stop()
        if (!this.#hasToken) this.#patience += 1 // it is not the transport that fails
        if (Date.now() - since > SILENCE && ready) this.#failures = 0
        this.#ended(farewell, ready)
      },
    }
    const guarded = ([name, act]) => [name, (...words) => attempt === this.#attempt && act(...words)]
    return Object.fromEntries(Object.entries(sink).map(guarded))
  }

  #ended({ reason, reconnect }, ready) {
    const another = reason === "token_expired" && typeof this.#options.token === "function"
    if (reconnect === false && !another) {
      this.#tell({ closed: reason ?? null })
      return
    }
    if (!ready && this.#kind === "events") this.#kind = this.#first
    else if (!ready && this.#patience > 0) this.#patience -= 1
    else if (!ready) {
      this.#kind = "events"
      this.#open()
      return
    }
    const longest = Math.min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** this.#failures++)
    const wait = longest * (0.5 + Math.random() / 2)
    this.#waiting = true
    this.#timer = setTimeout(() => this.#open(), wait)
    this.#tell({ state: { name: "waiting", reason: reason ?? null, retryAt: Date.now() + wait } })
  }
}
