// A position is an epoch, a dash, and microseconds. One without an epoch is a time only, which a ping named.

const MICROSECONDS = 1_000_000

const parse = (position) => {
  const dash = position.lastIndexOf("-")
  return [position.slice(0, dash), Number(position.slice(dash + 1))]
}

/** Of two positions the later one; of another epoch, the new one. */
export function later(known, next) {
  if (!known) return next
  const [[epoch, at], [nextEpoch, nextAt]] = [parse(known), parse(next)]
  if (nextEpoch && nextEpoch !== epoch) return next
  return nextAt > at ? `${epoch}-${nextAt}` : known
}

/** Whether whoever has heard everything since `from` lacks nothing after `position`. */
export function covers(from, position) {
  if (!from || !position) return false
  const [[epoch, at], [nextEpoch, nextAt]] = [parse(from), parse(position)]
  return epoch === nextEpoch && nextAt >= at
}

/** seconds: of a ping. */
export const atTime = (seconds) => `-${seconds * MICROSECONDS}`

/** What a subscription asks for. */
export function historyOf(position) {
  const [epoch, at] = parse(position)
  return epoch ? { position } : { since: Math.floor(at / MICROSECONDS), streams: {} }
}

export const hasEpoch = (position) => !position.startsWith("-")

/** The position of this tab, which a reload leaves in place. storage: by default sessionStorage; null: none. */
export class Memory {
  #name
  #storage

  constructor(name, position, storage = storageOfTheTab()) {
    this.#name = name
    this.#storage = storage
    this.position = position || this.#read()
  }

  keep() {
    this.#try((storage) => this.position && storage.setItem(this.#name, this.position))
  }

  #read() {
    const found = this.#try((storage) => storage.getItem(this.#name))
    return /^.{0,64}-\d{1,18}$/.test(found ?? "") ? found : null
  }

  /** A storage may be full, or forbidden; the position is then gone after a reload, and everything refetched. */
  #try(action) {
    try {
      return this.#storage && action(this.#storage)
    } catch {
      return null
    }
  }
}

function storageOfTheTab() {
  try {
    return globalThis.sessionStorage ?? null
  } catch {
    return null // forbidden by the browser's user
  }
}
