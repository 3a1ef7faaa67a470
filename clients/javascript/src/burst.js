/** The first change is delivered at once; those of the next `wait` milliseconds together, once for each row. */
export class Burst {
  #changes = new Map()
  #timer = null

  constructor(wait, deliver) {
    this.wait = wait
    this.deliver = deliver
  }

  get waiting() {
    return this.#changes.size > 0
  }

  add(change) {
    const key = JSON.stringify([change.action, change.id])
    // Deleted first, so that it takes its place among the others by its last time.
    this.#changes.delete(key)
    this.#changes.set(key, change)
    if (this.#timer === null) this.flush()
  }

  flush() {
    clearTimeout(this.#timer)
    this.#timer = null
    if (!this.waiting) return
    if (this.wait) this.#timer = setTimeout(() => this.flush(), this.wait)
    const changes = [...this.#changes.values()]
    this.#changes.clear()
    this.deliver(changes)
  }
}
