import { announce, complain, forgetComplaints } from "./views/messages.js"

/**
 * What the user may do. Each asks the API; what follows is seen when its notification has come.
 *
 * live(): whether the cable is open, so that notifications can be waited for. tell(): tells the other windows what
 * no notification does.
 */
export class Actions {
  #moves = Promise.resolve()

  constructor(api, store, { live, tell }) {
    this.api = api
    this.store = store
    this.live = live
    this.tell = tell
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

  async #try(call) {
    try {
      await call()
    } catch (error) {
      complain(error)
    }
  }
}
