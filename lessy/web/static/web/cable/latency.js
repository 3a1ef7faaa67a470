// From commit to screen: from the row's updatedAt, which the server sets within the transaction, until the browser
// has painted the row as read again. The start is by the server's clock and the end by the browser's: where they
// differ, so does the figure. What was changed before the connection opened is a resume's work and has none.

const KEPT = 60

export class Latency extends EventTarget {
  samples = [] // {push, read, paint, total}: milliseconds, oldest first

  /**
   * savedAt: the row's updatedAt. framedAt, readAt, paintedAt: when the frame came, when its row was there, when
   * it was on the screen. All in milliseconds since the epoch.
   */
  add({ savedAt, framedAt, readAt, paintedAt }) {
    this.samples.push({
      push: framedAt - savedAt,
      read: readAt - framedAt,
      paint: paintedAt - readAt,
      total: paintedAt - savedAt,
    })
    if (this.samples.length > KEPT) this.samples.shift()
    this.dispatchEvent(new Event("change"))
  }

  get last() {
    return this.samples.at(-1)
  }

  /** Of the totals; share: 0.5 for the median. */
  quantile(share) {
    const totals = this.samples.map((sample) => sample.total).sort((one, other) => one - other)
    return totals[Math.min(totals.length - 1, Math.floor(totals.length * share))]
  }
}

/** Whether the clock that gave updatedAt was the wall clock: rows saved twice within a second run ahead of it. */
export function onTheClock(row) {
  return !row.attributes.updatedAt.includes(".000")
}

/** Milliseconds since the epoch, finer than Date.now(). */
export function now() {
  return performance.timeOrigin + performance.now()
}

/** Resolves once what was changed in this turn has been painted. */
export function painted() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = resolve
      port2.postMessage(null)
    })
  })
}
