import { announce, complain, forgetComplaints } from "./views/messages.js"

/** How long an abandoned task can be kept. */
export const UNDO_SECONDS = 8

/**
 * What the user may do. Each asks the API; what follows is seen when its notification has come.
 *
 * live(): whether the cable is open, so that notifications can be waited for. tell(): tells the other windows what
 * no notification does.
 */
export class Actions {
  #moves = Promise.resolve()
  #leaving = new Map() // of the tasks that will be abandoned, what does it now

  constructor(api, store, { live, tell }) {
    this.api = api
    this.store = store
    this.live = live
    this.tell = tell
    // Also when the page is left: what was asked for happens.
    addEventListener("pagehide", () => this.settle())
  }

  /** Throws what the API refuses, so that the form can say it. */
  async create(kind, attributes) {
    this.#answered(kind, await this.api.create(kind, attributes))
  }

  /** As create. */
  async update(kind, id, attributes) {
    this.#answered(kind, await this.api.update(kind, id, attributes))
  }

  changeState(kind, row, state, more) {
    return this.#try(async () => this.#answered(kind, await this.api.changeState(kind, row.id, state, more)))
  }

  /** In UNDO_SECONDS; keep(task) until then undoes it. failed(): the API refused. */
  abandon(task, failed) {
    let asked = null // once: settle may come while the API answers
    const now = () => {
      clearTimeout(timer)
      return (asked ??= this.#abandonNow(task, failed))
    }
    const timer = setTimeout(now, UNDO_SECONDS * 1000)
    this.#leaving.set(task.id, { now, timer })
  }

  keep(task) {
    clearTimeout(this.#leaving.get(task.id)?.timer)
    this.#leaving.delete(task.id)
  }

  isLeaving(task) {
    return this.#leaving.has(task.id)
  }

  /** Abandons now what waits for it. */
  settle() {
    return Promise.all([...this.#leaving.values()].map(({ now }) => now()))
  }

  async #abandonNow(task, failed) {
    if (await this.changeState("tasks", task, "abandoned")) {
      this.#forgetWhenGone(task)
    } else {
      this.#leaving.delete(task.id)
      failed()
    }
  }

  /** It is shown as leaving until it has left: else it would look for a moment as if it stayed. */
  #forgetWhenGone(task) {
    const look = () => {
      if (this.store.find("tasks", task.id)) return
      this.store.removeEventListener("change", look)
      this.#leaving.delete(task.id)
    }
    this.store.addEventListener("change", look)
    look()
  }

  startProject(project, dueAt) {
    return this.changeState("projects", project, "started", { due_at: dueAt })
  }

  finishProject(project) {
    return this.changeState("projects", project, "finished", { finished_at: new Date().toISOString() })
  }

  deleteProject(project) {
    return this.#try(async () => {
      await this.api.delete("projects", project.id)
      this.store.removed("projects", project.id)
      this.tell()
      // Its tasks went with it, and are announced.
      if (!this.live()) await this.store.load()
    })
  }

  /**
   * One after the other. plan() is asked when its turn comes: {id, order, place}, or nothing to do. place is said
   * to screen readers.
   */
  move(plan) {
    this.#moves = this.#moves.then(() =>
      this.#try(async () => {
        const planned = plan()
        if (!planned) return
        this.store.reordered(await this.api.move(planned.id, planned.order))
        this.tell()
        announce(planned.place)
      }),
    )
    return this.#moves
  }

  #answered(kind, row) {
    forgetComplaints()
    this.store.answered(kind, row, this.live())
  }

  /** Answers whether it worked. */
  async #try(call) {
    try {
      await call()
      return true
    } catch (error) {
      complain(error)
      return false
    }
  }
}
