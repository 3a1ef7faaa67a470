import { Actions } from "./actions.js"
import { Cable } from "./cable/cable.js"
import { FrameLog } from "./cable/frames.js"
import { Latency, now, onTheClock, painted } from "./cable/latency.js"
import { Store } from "./store.js"
import { find } from "./dom.js"
import { ConnectionView } from "./views/connection.js"
import { FramesView } from "./views/frames.js"
import { LatencyView } from "./views/latency.js"
import { complain, note } from "./views/messages.js"
import { ProjectsView } from "./views/projects.js"
import { TasksView } from "./views/tasks.js"
import { WhatIfView } from "./views/what_if.js"
import { OtherWindows } from "./windows.js"

/** How long after a resume its missed changes are counted together, in milliseconds. */
const RESUME_WINDOW = 500

/** What is there while somebody is logged in: their rows, the cable, and the views of both. */
export class Workspace {
  #missed = 0

  constructor(api) {
    this.store = new Store(api)
    this.log = new FrameLog()
    this.latency = new Latency()
    this.cable = new Cable(cableUrl(), {
      received: (notification) => this.#hear(notification),
      refused: () => this.#readAll("More changed than the server replays: everything was read again."),
    })
    this.cable.addEventListener("frame", ({ detail }) => this.log.add(detail))
    // A new order, and a deleted project without tasks: nothing announces them. Windows elsewhere see them on return.
    const readAgain = () => this.cable.state === "open" && this.#readAll()
    const others = new OtherWindows(readAgain)
    addEventListener("focus", readAgain)
    const actions = (this.actions = new Actions(api, this.store, { live: () => this.cable.state === "open", tell: () => others.tell() }))
    new ProjectsView(find("#projects"), this.store, actions)
    new TasksView(find("#tasks"), this.store, actions)
    new FramesView(find("#frames"), this.log)
    new LatencyView(find("#latency"), this.latency)
    const whatIf = find("#what-if")
    this.whatIf = whatIf && new WhatIfView(whatIf, api)
    new ConnectionView(this.cable, { choose: (protocol) => this.#connect(protocol) }).render()
  }

  async start(protocol) {
    await this.store.load()
    this.whatIf?.start()
    await this.#connect(protocol)
  }

  #connect(protocol) {
    return this.cable.open(protocol, this.store.knownUntil)
  }

  async #hear(notification) {
    const framedAt = now()
    const { openedAt } = this.cable
    const known = this.store.findAnnounced(notification)
    try {
      const row = await this.store.notified(notification)
      if (!row && (!known || this.store.knewBefore(notification, openedAt))) this.log.repeated(notification)
      if (row ?? known) this.whatIf?.heard(row ?? known)
      if (!row) return
      const readAt = now()
      const savedAt = Date.parse(row.attributes.updatedAt)
      if (savedAt < openedAt) this.#countMissed()
      else if (onTheClock(row) && !document.hidden) await this.#measure({ savedAt, framedAt, readAt })
    } catch (error) {
      complain(error)
    }
  }

  async #measure(moments) {
    await painted()
    this.latency.add({ ...moments, paintedAt: now() })
  }

  #countMissed() {
    this.#missed += 1
    if (this.#missed > 1) return
    setTimeout(() => {
      note(this.#missed === 1 ? "Resumed: 1 missed change came in." : `Resumed: ${this.#missed} missed changes came in.`)
      this.#missed = 0
    }, RESUME_WINDOW)
  }

  async #readAll(why) {
    try {
      await this.store.load()
      if (why) note(why)
    } catch (error) {
      complain(error)
    }
  }
}

function cableUrl() {
  const url = new URL("/cable", location.href)
  url.protocol = url.protocol.replace("http", "ws")
  return url.href
}
