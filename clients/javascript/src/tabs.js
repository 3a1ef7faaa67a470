import { covers } from "./position.js"

const PATIENCE = 4_000 // milliseconds: the leader tells of something every 3 s while it is connected

/**
 * The tabs of one browser with one connection: whoever holds the lock leads, and tells the others what happens.
 * Without locks or channels each has its own.
 *
 * A follower says {hello: id, position} when it comes, and the leader has what it missed replayed, to all; when
 * another takes over ({lead: true}) it says {here: id, position}, which is no more than a position if nothing between
 * them is missing. The leader answers {to: id, joined: true, …} from when on the follower may count on hearing
 * everything.
 *
 * A leader may hang. A follower that hears nothing of it asks ({ask: true}), and takes its lock when there is no answer
 * either. The one that was robbed finds out when it wakes up; what it says until then is of an earlier term.
 */
export class Tabs {
  leads = false

  #name
  #link
  #memory
  #happened
  #id = `${Date.now()} ${Math.random()}` // randomUUID() is for secure contexts only
  #channel = null
  #turn = null // aborted when this tab gives up its place, at the head or in the line
  #term = 0 // grows with each leader
  #timer
  #unanswered = 0
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
    if (!this.#name || !navigator?.locks || !BroadcastChannel) {
      this.#lead()
      return
    }
    this.#channel = new BroadcastChannel(this.#name)
    this.#channel.onmessage = ({ data }) => (this.leads ? this.#asked(data) : this.#told(data))
    this.#follow()
  }

  leave() {
    this.#turn?.abort()
    clearTimeout(this.#timer)
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
    this.#greet("hello")
  }

  retry(anew) {
    if (this.leads) this.#link.retry(anew)
    else this.#post({ retry: true })
  }

  #post(message) {
    this.#channel?.postMessage({ ...message, term: this.#term })
  }

  #greet(word) {
    this.#post({ [word]: this.#id, position: this.#memory.position })
  }

  #request(steal) {
    this.#turn?.abort()
    this.#turn = new AbortController()
    const { signal } = this.#turn
    const held = () => signal.aborted || new Promise((release) => {
      signal.addEventListener("abort", release)
      this.#lead()
    })
    const lost = ({ name }) => {
      if (signal.aborted) return
      if (this.leads) this.#robbed()
      else if (name === "SecurityError") this.#lead() // in a sandbox there are no locks
    }
    globalThis.navigator.locks.request(this.#name, steal ? { steal } : { signal }, held).catch(lost)
  }

  // The leader

  #lead() {
    clearTimeout(this.#timer)
    this.leads = true
    this.#term = Math.max(this.#term + 1, Date.now())
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

  /** Another tab has the lock: this one was blocked or frozen for too long. */
  #robbed() {
    this.#link.stop()
    this.leads = this.#joined = this.#ready = false
    this.#waiting.clear()
    this.#happened({ joined: false })
    this.#follow()
  }

  #asked({ hello, here, position, retry, ask }) {
    const to = hello ?? here
    if (ask) this.#post({ event: {} })
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

  #follow() {
    this.#request()
    this.#greet("hello")
    this.#watch()
  }

  #told({ lead, to, event, term }) {
    // Of another follower, or of a leader that was robbed.
    if (!(lead || event) || term < this.#term) return
    this.#term = term
    this.#watch()
    if (lead) {
      this.#greet(this.#joined ? "here" : "hello")
    } else if (!to || to === this.#id) {
      if (to) this.#joined = true
      this.#happened(event)
    }
  }

  #watch() {
    this.#unanswered = 0
    this.#wait()
  }

  /**
   * Asked twice: if it was this tab that hung, an answer to the first question is here before the second wait ends.
   * Not all at the same time: the first one that leads is heard of.
   */
  #wait() {
    const ask = () => {
      if (++this.#unanswered > 2) this.#request(true)
      else this.#post({ ask: true })
      this.#wait()
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(ask, PATIENCE * (1 + Math.random() / 4))
  }
}
