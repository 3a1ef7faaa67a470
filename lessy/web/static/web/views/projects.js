import { clone, find, freshen, onAction, reconcile, setName, setText } from "../dom.js"
import { listenToAdding } from "./add.js"
import { askDelete, askDueDate } from "./dialogs.js"
import { rename } from "./rename.js"

const STATES = { newed: "new", started: "started", paused: "paused", finished: "finished" }

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" })

/** actions: what the user may do (actions.js). */
export class ProjectsView {
  constructor(root, store, actions) {
    this.store = store
    this.actions = actions
    this.list = find("ul", root)
    this.empty = find(".empty", root)
    this.select = find("#task-project")
    const form = find("form", root)
    listenToAdding(form, find("input", form), (name) => actions.create("projects", { name }))
    onAction(this.list, this.#handlers())
    store.addEventListener("change", () => this.render())
  }

  render() {
    const projects = this.store.projects
    this.empty.hidden = projects.length > 0
    reconcile(this.list, projects, {
      key: (project) => project.id,
      create: () => clone("project-row"),
      update: (row, project) => this.#update(row, project),
    })
    this.#offer(projects.filter((project) => project.attributes.state !== "finished"))
  }

  #handlers() {
    const { actions } = this
    const project = (row) => this.store.find("projects", Number(row.dataset.key))
    return {
      start: async (row) => {
        const dueAt = await askDueDate(project(row).attributes.name)
        if (dueAt) actions.startProject(project(row), dueAt)
      },
      pause: (row) => actions.changeState("projects", project(row), "paused"),
      finish: (row) => actions.finishProject(project(row)),
      rename: (row) => {
        const { id, attributes } = project(row)
        rename(row, attributes.name, (name) => actions.update("projects", id, { name }))
      },
      delete: async (row) => {
        const found = project(row)
        if (await askDelete(found.attributes.name, this.#tasksOf(found).length)) actions.deleteProject(found)
      },
    }
  }

  #tasksOf(project) {
    return this.store.tasks.filter((task) => task.relationships.project.data?.id === project.id)
  }

  #update(row, project) {
    const { name, state, dueAt } = project.attributes
    row.dataset.state = state
    freshen(row, project.attributes.updatedAt)
    setName(row, name)
    setText(find(".state", row), STATES[state])
    setText(find(".meta", row), this.#meta(project, dueAt))
    const start = find("[data-action=start]", row)
    setText(start, state === "paused" ? "Restart…" : "Start…")
    start.hidden = !["newed", "paused"].includes(state)
    find("[data-action=pause]", row).hidden = state !== "started"
    find("[data-action=finish]", row).hidden = state !== "started"
    nameButtons(row, name)
  }

  #meta(project, dueAt) {
    const tasks = this.#tasksOf(project).length
    const words = [tasks === 1 ? "1 task" : `${tasks} tasks`]
    if (dueAt && project.attributes.state !== "finished") words.unshift(`due ${day.format(new Date(dueAt))}`)
    return words.join(" · ")
  }

  /** In the form that adds a task. */
  #offer(projects) {
    const options = [{ id: "", attributes: { name: "No project" } }, ...projects]
    reconcile(this.select, options, {
      key: (project) => project.id,
      create: (project) => Object.assign(new Option("", project.id), { dir: "auto" }),
      update: (option, project) => setText(option, project.attributes.name),
    })
  }
}

/** For screen readers, who hear the button without the row: "Finish Learn to fly fish". */
function nameButtons(row, name) {
  for (const element of row.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", `${element.textContent.trim() || element.dataset.label} ${name}`)
  }
}
