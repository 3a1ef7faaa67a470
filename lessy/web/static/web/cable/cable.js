import { openBase } from "./base.js"
import { openExtended } from "./extended.js"
import { openOwn } from "./own.js"
import { observedSocket } from "./socket.js"

export const PROTOCOLS = {
  base: { name: "actioncable-v1-json", library: "@rails/actioncable", open: openBase },
  extended: { name: "actioncable-v1-ext-json", library: "@anycable/web", open: openExtended },
  automatic: { name: "actioncable-v1-ext-json", library: "sync-cable-client", open: openOwn },
}

/**
 * The connection to /cable, by either protocol, or by events.
 *
 * state: "idle" → "connecting" → "open" (subscribed) → "waiting" (for the next attempt) → "connecting" …;
 * "paused" by the user; "closed" by a server that wants no return; "failed" if the library cannot be loaded.
 * Events: "state"; "frame" with {direction: "in" | "out" | "socket", text}.
 */
export class Cable extends EventTarget {
  state = "idle"
  openedAt = 0 // of the present connection, milliseconds since the epoch
  reason = null // why the server closed for good

  #driver = null
  #socket = null
  #generation = 0 // of drivers: one that was left may still open a socket, by a timer of its library
  #aliveAt // seconds since the epoch, by the server's clock
  #handlers

  /** received(notification) and refused(), for when the server has too much to replay, are the owner's. */
  constructor(url, { received, refused }) {
    super()
    this.url = url
    this.#handlers = { received, refused }
  }

  /** since: the server's time of what the owner knows, in seconds since the epoch. */
  async open(protocol, since) {
    this.#leave()
    this.protocol = protocol
    this.#aliveAt ??= since
    this.#become("connecting")
    const isLeft = this.#watchLeaving()
    try {
      const driver = await PROTOCOLS[protocol].open({
        url: this.url,
        Socket: observedSocket(this.#observer()),
        since: () => this.#aliveAt,
        events: this.#events(),
        ...this.#handlers,
      })
      // Chosen anew while the library was loaded: nobody else could stop this one.
      if (isLeft()) driver.disconnect()
      else this.#driver = driver
    } catch (error) {
      if (isLeft()) return
      this.reason = error.message
      this.#become("failed")
    }
  }

  /** As if the network had: the library finds out, waits and comes back. */
  cut() {
    this.#socket?.close()
  }

  pause() {
    this.#become("paused")
    this.#driver?.disconnect()
    this.#socket?.close()
  }

  resume() {
    this.#become("connecting")
    this.#driver?.connect()
  }

  retryNow() {
    this.#driver?.connect()
  }

  /** When the library tries again, in milliseconds since the epoch. */
  get retryAt() {
    return this.#driver?.retryAt() ?? 0
  }

  close() {
    this.#leave()
    this.#become("idle")
  }

  #leave() {
    this.#generation += 1
    this.#driver?.disconnect()
    this.#driver = null
    this.#socket?.close()
    this.#socket = null
  }

  /** Tells of the present driver, also of one that is still loaded, whether it has been left since. */
  #watchLeaving() {
    const generation = this.#generation
    return () => generation !== this.#generation
  }

  #observer() {
    const isLeft = this.#watchLeaving()
    const mine = (socket) => socket === this.#socket
    return {
      opening: (socket) => {
        if (this.state === "paused" || isLeft()) {
          socket.close()
          return
        }
        this.#socket = socket
        this.#tell("socket", `connecting to ${new URL(socket.url).pathname}`)
        this.#become("connecting")
      },
      opened: (socket) => this.#tell("socket", `open: ${socket.protocol || "no subprotocol"}`),
      sent: (text) => this.#tell("out", text),
      received: (text, socket) => {
        this.#tell("in", text)
        if (mine(socket)) this.#read(JSON.parse(text))
      },
      closed: (code, socket) => {
        this.#tell("socket", `closed: ${code}`)
        if (mine(socket) && ["connecting", "open"].includes(this.state)) this.#become("waiting")
      },
    }
  }

  /** For a driver that does without a socket. */
  #events() {
    const isLeft = this.#watchLeaving()
    return {
      changed: (message) => this.#tell("in", JSON.stringify({ message })),
      became: ({ name, reason }) => {
        if (isLeft()) return
        this.#tell("socket", `events: ${name}`)
        if (name === "open") this.openedAt = Date.now()
        if (name === "closed") this.reason = reason
        // Paused and idle are of our own making.
        if (reason !== "client") this.#become(name)
      },
    }
  }

  #read({ type, message, reason, reconnect }) {
    if (type === "ping") this.#aliveAt = message
    else if (type === "welcome") this.openedAt = Date.now()
    else if (type === "confirm_subscription") this.#become("open")
    else if (type === "disconnect" && reconnect === false) {
      this.reason = reason
      this.#become("closed")
    }
  }

  #become(state) {
    if (this.state === state) return
    this.state = state
    this.dispatchEvent(new Event("state"))
  }

  #tell(direction, text) {
    this.dispatchEvent(new CustomEvent("frame", { detail: { direction, text } }))
  }
}
