import { find, setText } from "../dom.js"

const WORDS = {
  idle: "Not connected",
  connecting: "Connecting…",
  open: "Open",
  paused: "Offline (paused)",
  closed: "Closed by the server",
  failed: "Library not loaded",
}

// What it means for the work, in a line above it, until the connection is open again.
const AWAY = {
  waiting: "Connection lost. Changes made elsewhere appear when it is back.",
  paused: "Offline (paused). Changes made elsewhere appear when you go online again.",
  closed: "The server closed the connection. Changes made elsewhere appear when you go online again.",
  failed: "The live cable did not load. Changes made elsewhere appear when you reload the page.",
}

/** The state of the connection, in the header and in the panel, and what one may do about it. */
export class ConnectionView {
  constructor(cable, { choose }) {
    this.cable = cable
    this.badges = document.querySelectorAll("[data-cable-state]")
    this.announced = find("#cable-announcer")
    this.cutButton = find("#cable-cut")
    this.offlineButton = find("#cable-offline")
    this.retryButton = find("#cable-retry")
    this.offline = find("#offline")
    this.cutButton.addEventListener("click", () => cable.cut())
    this.retryButton.addEventListener("click", () => this.#retry())
    this.offlineButton.addEventListener("click", () => this.#toggle())
    for (const radio of document.querySelectorAll("[name=protocol]")) {
      radio.addEventListener("change", () => choose(radio.value))
    }
    cable.addEventListener("state", () => this.#changed())
    // For the countdown.
    setInterval(() => this.render(), 250)
  }

  render() {
    const { state } = this.cable
    for (const badge of this.badges) {
      badge.dataset.cableState = state
      setText(find(".words", badge), this.#words())
    }
    this.cutButton.disabled = state !== "open"
    this.offlineButton.disabled = ["idle", "failed"].includes(state)
    setText(this.offlineButton, state === "paused" || state === "closed" ? "Go online" : "Go offline")
    this.retryButton.hidden = state !== "waiting"
    this.#renderOffline(state)
  }

  /** While it connects again the line stays: it is open only once it is subscribed. */
  #renderOffline(state) {
    if (state !== "connecting") this.offline.hidden = !(state in AWAY)
    if (!(state in AWAY)) return
    const lost = state === "waiting" && !navigator.onLine
    setText(this.offline, lost ? AWAY.waiting.replace("Connection lost", "This computer is offline") : AWAY[state])
  }

  #words() {
    const { state, reason, retryAt } = this.cable
    if (state === "waiting") {
      const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))
      return seconds ? `Waiting, tries again in ${seconds} s` : "Waiting"
    }
    return state === "closed" && reason ? `${WORDS.closed}: ${reason}` : WORDS[state]
  }

  #changed() {
    this.render()
    // Without the countdown, which would be read out every second.
    setText(this.announced, `Live cable: ${this.cable.state === "waiting" ? "waiting" : this.#words()}`)
  }

  #retry() {
    this.cable.retryNow()
    this.cutButton.focus()
  }

  #toggle() {
    if (["paused", "closed"].includes(this.cable.state)) this.cable.resume()
    else this.cable.pause()
  }
}
