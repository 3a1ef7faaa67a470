// What went over the wire, kept for reading: the last few hundred frames, each of one kind.

export const LIMIT = 300

export const KINDS = {
  change: "Changes",
  ping: "Pings",
  control: "Control",
  sent: "Sent",
  socket: "Socket",
}

export class FrameLog extends EventTarget {
  frames = [] // oldest first
  counts = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, 0])) // since the page was opened
  shown = new Set(["change", "control", "sent", "socket"])
  paused = false
  unseen = 0 // came while it was paused

  #next = 1

  add({ direction, text }) {
    const frame = describe(direction, text)
    frame.number = this.#next++
    frame.at = new Date()
    this.counts[frame.kind] += 1
    this.frames.push(frame)
    if (this.frames.length > LIMIT) this.frames.shift()
    if (this.paused) this.unseen += 1
    this.#changed()
  }

  /** Newest first; while paused, what had come before. */
  get visible() {
    const known = this.paused ? this.frames.filter((frame) => frame.number < this.pausedAt) : this.frames
    return known.filter((frame) => this.shown.has(frame.kind)).reverse()
  }

  /** The frame of this notification brought nothing new: a replay reaches back further than what was missed. */
  repeated(notification) {
    const text = JSON.stringify(notification)
    const frame = this.frames.findLast((each) => !each.repeated && JSON.stringify(each.message) === text)
    if (frame) frame.repeated = true
    this.#changed()
  }

  show(kind, whether) {
    if (whether) this.shown.add(kind)
    else this.shown.delete(kind)
    this.#changed()
  }

  pause(whether) {
    this.paused = whether
    this.pausedAt = this.#next
    this.unseen = 0
    this.#changed()
  }

  clear() {
    this.frames = []
    this.unseen = 0
    this.#changed()
  }

  #changed() {
    this.dispatchEvent(new Event("change"))
  }
}

/** {kind, direction, label, summary, text, message}: text is pretty, summary fits in a line. */
function describe(direction, text) {
  if (direction === "socket") return { kind: "socket", direction, label: "socket", summary: text, text }
  const frame = JSON.parse(text)
  const pretty = JSON.stringify(frame, null, 2)
  const found = direction === "out" ? describeSent(frame) : describeReceived(frame)
  return { direction, text: pretty, ...found }
}

function describeSent({ command, history }) {
  const asked = history ? ` with history since ${JSON.stringify(history)}` : ""
  return { kind: "sent", label: command, summary: `${command}${asked}` }
}

function describeReceived({ type, message, reason, offset }) {
  if (type === "ping") return { kind: "ping", label: "ping", summary: String(message) }
  if (type) return { kind: "control", label: type, summary: reason ? `${type}: ${reason}` : type }
  const { action = "message", id, updatedAt } = message ?? {}
  const when = updatedAt ? ` at ${updatedAt}` : ""
  const where = offset ? ` · offset ${offset}` : ""
  return { kind: "change", message, label: action, summary: `${action} ${id ?? ""}${when}${where}` }
}
