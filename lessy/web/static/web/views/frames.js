import { KINDS } from "../cable/frames.js"
import { clone, copy, find, onAction, reconcile, setText } from "../dom.js"
import { note } from "./messages.js"

const ARROWS = { in: ["↓", "received"], out: ["↑", "sent"], socket: ["•", "connection"] }

const clock = (date) => date.toTimeString().slice(0, 8) + "." + String(date.getMilliseconds()).padStart(3, "0")

export class FramesView {
  #due = false

  constructor(root, log) {
    this.log = log
    this.list = find("ol", root)
    this.empty = find(".empty", root)
    this.filters = find(".filters", root)
    this.pause = find("[data-action=pause]", root)
    this.#offerFilters()
    onAction(root, {
      pause: () => log.pause(!log.paused),
      clear: () => log.clear(),
      copyAll: () => this.#copy(log.visible.map((frame) => frame.text).reverse().join("\n")),
      copyOne: (row) => this.#copy(find("pre", row).textContent),
    })
    log.addEventListener("change", () => this.#renderSoon())
    this.render()
  }

  render() {
    const { log } = this
    const visible = log.visible
    this.empty.hidden = visible.length > 0
    setText(this.pause, log.paused ? `Go on (${log.unseen} new)` : "Pause")
    this.pause.setAttribute("aria-pressed", log.paused)
    for (const [kind, count] of Object.entries(log.counts)) {
      setText(find(`[data-kind=${kind}] .count`, this.filters), String(count))
    }
    reconcile(this.list, folded(visible), {
      key: (item) => item.key ?? item.number,
      create: (item) => (item.frames ? clone("frame-group") : frameRow(item)),
      update: (row, item) => item.frames && updateGroup(row, item),
    })
  }

  /** Once a picture, however many frames come. */
  #renderSoon() {
    if (this.#due) return
    this.#due = true
    requestAnimationFrame(() => {
      this.#due = false
      this.render()
    })
  }

  #offerFilters() {
    for (const [kind, name] of Object.entries(KINDS)) {
      const filter = clone("frame-filter")
      const box = find("input", filter)
      filter.dataset.kind = kind
      setText(find(".name", filter), name)
      box.checked = this.log.shown.has(kind)
      box.addEventListener("change", () => this.log.show(kind, box.checked))
      this.filters.append(filter)
    }
  }

  async #copy(text) {
    await copy(text)
    note("Copied.")
  }
}

/** With a group in the place of neighbours that brought nothing new: {key, frames}, newest first. */
function folded(frames) {
  const items = []
  for (const frame of frames) {
    const group = items.at(-1)
    if (!frame.repeated) items.push(frame)
    else if (group?.frames) group.frames.push(frame)
    else items.push({ frames: [frame] })
  }
  // By the oldest, which stays in its group while newer ones come.
  return items.map((item) => (item.frames ? { ...item, key: `group ${item.frames.at(-1).number}` } : item))
}

function updateGroup(row, { frames }) {
  const { length } = frames
  setText(find(".summary-text", row), `${length} ${length === 1 ? "change" : "changes"} replayed, nothing new`)
  reconcile(find("ol", row), frames, { key: (frame) => frame.number, create: frameRow, update: () => {} })
}

function frameRow(frame) {
  const row = clone("frame-row")
  const [arrow, way] = ARROWS[frame.direction]
  row.dataset.kind = frame.kind
  setText(find(".arrow", row), arrow)
  setText(find(".way", row), way)
  setText(find("time", row), clock(frame.at))
  setText(find(".summary-text", row), frame.summary)
  setText(find("pre", row), frame.text)
  return row
}
