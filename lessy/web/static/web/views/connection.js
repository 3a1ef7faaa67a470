import { find, setText } from "../dom.js"

const WORDS = {
  idle: "Not connected",
  connecting: "Connecting…",
  open: "Open",
  paused: "Offline by you",
  closed: "Closed by the server",
  failed: "Library not loaded",
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
