import { complain } from "./messages.js"
import { find, setText } from "../dom.js"

/** Faults on purpose, where the server is for development: a task that nothing announces, and when it came. */
export class WhatIfView {
  #awaited = null // {label, at} of the task that was written last

  constructor(root, api) {
    this.root = root
    this.api = api
    this.outcome = find(".outcome", root)
    root.addEventListener("click", ({ target }) => target.dataset.fault && this.#cause(target))
  }

  async start() {
    try {
      this.#offer(await this.api.whatIf())
    } catch (error) {
      complain(error)
    }
  }

  /** A row that a notification announced. */
  heard({ attributes: { label } }) {
    if (label === undefined || label !== this.#awaited?.label) return
    const seconds = ((performance.now() - this.#awaited.at) / 1000).toFixed(1)
    setText(this.outcome, `“${label}” arrived, ${seconds} s after the button was pressed.`)
    this.#awaited = null
  }

  #offer({ redis, reconcileSeconds }) {
    find("[data-fault=redis]", this.root).disabled = !redis
    find(".without", this.root).hidden = redis
    setText(find("[data-field=seconds]", this.root), String(reconcileSeconds))
    this.root.hidden = false
  }

  async #cause({ dataset: { fault, label } }) {
    const time = new Date().toTimeString().slice(0, 8)
    this.#awaited = { label: `${label}, ${time}`, at: performance.now() }
    setText(this.outcome, `“${this.#awaited.label}” is written. Waiting for it…`)
    try {
      await this.api.cause(fault, this.#awaited.label)
    } catch (error) {
      // A server that restarts answers nothing.
      if (fault !== "restart" || error.status !== 0) complain(error)
    }
  }
}
