// Rows that can be moved: dragged by their handle with mouse, pen or finger, or moved with the arrow keys.

export class Reorder {
  dragging = null

  /** drop(row, index) and step(row, by) are asked for; ended() follows a drag that changed nothing. */
  constructor(list, { drop, step, ended }) {
    this.list = list
    this.drop = drop
    this.step = step
    this.ended = ended
    list.addEventListener("pointerdown", (event) => this.#grab(event))
    list.addEventListener("keydown", (event) => this.#press(event))
  }

  #press(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (!step || !event.target.closest(".handle")) return
    event.preventDefault()
    this.step(event.target.closest("li"), step)
  }

  #grab(event) {
    const handle = event.target.closest(".handle")
    if (!handle || event.button !== 0) return
    const row = handle.closest("li")
    const from = this.#index(row)
    this.dragging = row
    row.classList.add("dragged")
    handle.setPointerCapture(event.pointerId)
    const listening = new AbortController()
    const on = (name, listener, target = handle) =>
      target.addEventListener(name, listener, { signal: listening.signal })
    const end = (dropped) => {
      listening.abort()
      row.classList.remove("dragged")
      const to = this.#index(row)
      this.dragging = null
      if (dropped && to !== from) this.drop(row, to)
      else this.ended()
    }
    on("pointermove", ({ clientY }) => this.#follow(row, clientY))
    on("pointerup", () => end(true))
    on("pointercancel", () => end(false))
    on("keydown", ({ key }) => key === "Escape" && end(false), document)
  }

  /**
   * The row goes where the pointer is: past each neighbour whose middle it has passed. It is the neighbour that
   * moves in the document, or the row would lose the pointer.
   */
  #follow(row, y) {
    const middle = (element) => {
      const { top, height } = element.getBoundingClientRect()
      return top + height / 2
    }
    const { previousElementSibling: above, nextElementSibling: below } = row
    if (above && y < middle(above)) row.after(above)
    else if (below && y > middle(below)) row.before(below)
  }

  #index(row) {
    return [...this.list.children].indexOf(row)
  }
}
