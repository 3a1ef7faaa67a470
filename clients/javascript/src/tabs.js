import { covers } from "./position.js"

/**
 * The tabs of one browser with one connection: whoever holds the lock leads, and tells the others what happens.
 * Without locks or channels each has its own.
 *
 * A follower says {hello: id, position} when it comes, and the leader has what it missed replayed, to all; when
 * another takes over ({lead: true}) it says {here: id, position}, which is no more than a position if nothing between
 * them is missing. The leader answers {to: id, joined: true, …} from when on the follower may count on hearing
 * everything.
 */
export class Tabs {
  leads = false

  #name
  #link
  #memory
  #happened
  #id = `${Date.now()} ${Math.random()}` // randomUUID() is for secure contexts only
  #channel = null
  #leaving = null
  #joined = false
  #ready = false
  #state
  #waiting = new Map() // what followers asked for, until they are admitted: the connection may be cut before

  constructor(name, link, memory, happened) {
    this.#name = name
    this.#link = link
    this.#memory = memory
    this.#happened = happened
  }

  join() {
    const { navigator, BroadcastChannel } = globalThis
    this.#leaving = new AbortController()
    if (!this.#name || !navigator?.locks || !BroadcastChannel) {
      this.#lead()
      return
    }
    this.#channel = new BroadcastChannel(this.#name)
    this.#channel.onmessage = ({ data }) => (this.leads ? this.#asked(data) : this.#told(data))
    const { signal } = this.#leaving
    const held = () => signal.aborted || new Promise((release) => {
      signal.addEventListener("abort", release)
      this.#lead()
    })
    navigator.locks.request(this.#name, { signal }, held).catch(() => {}) // aborted while it waited
    this.#post({ hello: this.#id, position: this.#memory.position })
  }

  leave() {
    this.#leaving?.abort()
    if (this.leads) this.#link.stop()
    this.leads = this.#joined = this.#ready = false
    this.#channel?.close()
    this.#channel = null
  }

  /** After a time in which this tab was frozen. */
  rejoin() {
    if (this.leads) return this.#link.restart()
    this.#joined = false
    this.#happened({ joined: false })
    this.#post({ hello: this.#id, position: this.#memory.position })
  }

  retry(anew) {
    if (this.leads) this.#link.retry(anew)
    else this.#post({ retry: true })
  }

  #post(message) {
    this.#channel?.postMessage(message)
  }

  // The leader

  #lead() {
    this.leads = true
    this.#happened({ joined: false })
    this.#post({ lead: true })
    this.#link.start((event) => this.#spread(event))
  }

  #spread({ ready, closed, ...event }) {
    if (closed !== undefined) return this.#closed(closed)
    if (event.state) {
      this.#state = event.state
      this.#ready = false
    }
    if (ready !== undefined) this.#becameReady(ready)
    this.#post({ event })
    this.#happened(event)
  }

  /** The next in line finds out by itself: its credentials may be others. */
  #closed(reason) {
    this.leave()
    this.#happened({ state: { name: "closed", reason } })
  }

  #becameReady(replayed) {
    this.#ready = true
    // Without a position it is not known what happened before.
    if (!replayed) this.#spread({ refetch: "history" })
    else if (!this.#link.from) this.#happened({ refetch: "start" })
    this.#happened({ joined: true })
    for (const message of this.#waiting.values()) this.#asked(message)
  }

  #asked({ hello, here, position, retry }) {
    const to = hello ?? here
    if (retry) this.#link.retry()
    if (!to) return
    this.#waiting.set(to, { hello, here, position })
    if (!this.#ready) return
    if (!position) this.#admit(to, "start")
    else if (here && covers(this.#link.from, position)) this.#admit(to)
    else if (this.#link.canReplay) this.#link.history(position, (replayed) => this.#admit(to, replayed ? null : "history"))
    else this.#admit(to, "start")
  }

  #admit(to, refetch = null) {
    this.#waiting.delete(to)
    this.#post({ to, event: { joined: true, refetch, position: this.#memory.position, state: this.#state } })
  }

  // Those who follow

  #told({ lead, to, event }) {
    if (lead) {
      this.#post({ [this.#joined ? "here" : "hello"]: this.#id, position: this.#memory.position })
    } else if (event && (!to || to === this.#id)) {
      if (to) this.#joined = true
      this.#happened(event)
    }
  }
}
