import { clone, find, freshen, onAction, reconcile, setName, setText } from "../dom.js"
import { listenToAdding } from "./add.js"
import { announce } from "./messages.js"
import { rename } from "./rename.js"
import { Reorder } from "./reorder.js"
import { UNDO_SECONDS } from "../actions.js"

const STATES = { newed: "new", started: "started", planned: "planned", finished: "finished" }

// What may follow a state, the likeliest first: it gets the row's button.
const STEPS = {
  newed: ["start", "plan"],
  started: ["plan", "stop"],
  planned: ["finish", "replan", "unplan"],
  finished: ["replan"],
}
const TARGETS = {
  start: "started",
  stop: "newed",
  plan: "planned",
  replan: "planned",
  unplan: "started",
  finish: "finished",
}
const WORDS = { start: "Start", stop: "Stop", plan: "Plan", replan: "Plan again", unplan: "Unplan", finish: "Finish", undo: "Undo" }

/** actions: what the user may do (actions.js). */
export class TasksView {
  constructor(root, store, actions) {
    this.store = store
    this.actions = actions
    this.list = find("#tasks-open", root)
    this.done = find("#tasks-done", root)
    this.doneBox = find(".done", root)
    this.empty = find(".empty", root)
    this.#listenToForm(find("form", root))
    this.reorder = new Reorder(this.list, {
      drop: (row, index) => this.#move(row, () => index),
      step: (row, by) => this.#move(row, (from) => from + by),
      ended: () => this.render(),
    })
    onAction(root, this.#handlers())
    store.addEventListener("change", () => this.render())
  }

  render() {
    if (this.reorder.dragging) return
    const tasks = this.store.tasks
    const open = tasks.filter((task) => task.attributes.state !== "finished")
    const done = tasks.filter((task) => task.attributes.state === "finished")
    this.empty.hidden = open.length > 0
    this.doneBox.hidden = done.length === 0
    setText(find("summary", this.doneBox), `Finished (${done.length})`)
    this.#fill(this.list, open)
    this.#fill(this.done, done)
  }

  #fill(list, tasks) {
    reconcile(list, tasks, {
      key: (task) => task.id,
      create: () => clone("task-row"),
      update: (row, task) => this.#update(row, task, tasks),
    })
  }

  #listenToForm(form) {
    const { label, project } = form.elements
    listenToAdding(form, label, (text) => {
      const projectId = project.value ? { projectId: Number(project.value) } : {}
      return this.actions.create("tasks", { label: text, ...projectId })
    })
  }

  #handlers() {
    const task = (row) => this.store.find("tasks", Number(row.dataset.key))
    const steps = Object.entries(TARGETS).map(([step, state]) => [
      step,
      (row) => this.actions.changeState("tasks", task(row), state),
    ])
    return {
      ...Object.fromEntries(steps),
      rename: (row) => {
        const { id, attributes } = task(row)
        rename(row, attributes.label, (label) => this.actions.update("tasks", id, { label }))
      },
      abandon: (row) => this.#abandon(row, task(row)),
      undo: (row) => this.#undo(task(row)),
      up: (row) => this.#move(row, (from) => from - 1),
      down: (row) => this.#move(row, (from) => from + 1),
    }
  }

  /** Nothing leads back from abandoned: so that it can be undone, the API is asked only after a while. */
  #abandon(row, task) {
    this.actions.abandon(task, () => this.render())
    this.render()
    find(".step", row).focus()
    const { label } = task.attributes
    announce(`${label} will be abandoned in ${UNDO_SECONDS} seconds. Press Undo to keep it.`)
  }

  #undo(task) {
    this.actions.keep(task)
    this.render()
    announce(`${task.attributes.label} is kept.`)
  }

  /** To the place of the open task that is at the index which target makes of its own. */
  async #move(row, target) {
    const id = Number(row.dataset.key)
    await this.actions.move(() => {
      const open = this.store.tasks.filter((task) => task.attributes.state !== "finished")
      const from = open.findIndex((task) => task.id === id)
      const to = target(from)
      if (from < 0 || to === from || !open[to]) return null
      const place = `${open[from].attributes.label}: ${to + 1} of ${open.length}`
      return { id, order: open[to].attributes.order, place }
    })
    this.render()
  }

  #update(row, task, tasks) {
    const { label, state, plannedCount } = task.attributes
    const project = this.store.find("projects", task.relationships.project.data?.id)
    const leaving = this.actions.isLeaving(task)
    row.dataset.state = state
    row.classList.toggle("leaving", leaving)
    freshen(row, task.attributes.updatedAt)
    setName(row, label)
    setText(find(".state", row), leaving ? "will be abandoned" : STATES[state])
    setText(find("bdi", row), project?.attributes.name ?? "")
    setText(find(".times", row), plannedCount > 1 ? `planned ${plannedCount} times` : "")
    this.#offerSteps(row, leaving ? ["undo"] : STEPS[state], label)
    const place = `position ${tasks.indexOf(task) + 1} of ${tasks.length}`
    find(".handle", row).setAttribute("aria-label", `Move ${label}, ${place}`)
    find("summary", row).setAttribute("aria-label", `More for ${label}`)
  }

  #offerSteps(row, [first, ...others], label) {
    const main = find(".step", row)
    main.dataset.action = first
    main.setAttribute("aria-label", `${WORDS[first]} ${label}`)
    setText(main, WORDS[first])
    for (const button of row.querySelectorAll(".menu [data-step]")) {
      button.hidden = !others.includes(button.dataset.action)
    }
  }
}
