// The projects and tasks that this window knows. What it holds came from the API, never from a guess: a change
// is seen when its row has been read again, which a notification of the cable brings about.

/** Above it the lists are read instead of each row. */
const MOST_SINGLE_READS = 20

/** How long an answer of the API waits for its notification before it is taken itself, in milliseconds. */
const GRACE = 1000

/** "create#tasks" is about "tasks". */
const kindOf = ({ action }) => action.split("#")[1]

export class Store extends EventTarget {
  #rows = { projects: new Map(), tasks: new Map() }
  #touched = new Map() // when what is known of a row came
  #asked = new Map() // and when it was asked for: a new order leaves updatedAt as it was
  #wanted = new Map()
  #gone = new Set() // what was deleted never comes back, but an answer about it may come late

  constructor(api) {
    super()
    this.api = api
  }

  get projects() {
    return [...this.#rows.projects.values()].sort((one, other) => one.id - other.id)
  }

  /** In their order. */
  get tasks() {
    return [...this.#rows.tasks.values()].sort(
      (one, other) => one.attributes.order - other.attributes.order || one.id - other.id,
    )
  }

  find(kind, id) {
    return this.#rows[kind].get(id)
  }

  /** The time of the newest row, by the server's clock, in seconds since the epoch: what came later is unknown. */
  get knownUntil() {
    const times = [...this.projects, ...this.tasks].map((row) => Date.parse(row.attributes.updatedAt))
    // Rows that were saved twice within a second run ahead of the clock.
    return Math.floor(Math.min(Date.now(), Math.max(...times, 0) || Date.now()) / 1000)
  }

  /** Reads both lists. A row that came by itself in the meantime stays. */
  async load() {
    const begun = performance.now()
    const lists = await Promise.all([this.api.all("projects"), this.api.all("tasks")])
    for (const [kind, list] of [["projects", lists[0]], ["tasks", lists[1]]]) {
      const listed = new Set(list.map((row) => row.id))
      for (const id of this.#rows[kind].keys()) {
        if (!listed.has(id) && !(this.#touched.get(`${kind} ${id}`) > begun)) this.#rows[kind].delete(id)
      }
      list.forEach((row) => this.#keep(kind, row, begun))
    }
    this.#changed()
  }

  /**
   * A notification of the cable. Answers with the row as read, null if it is gone, or undefined if what it
   * announces is known already.
   */
  notified(notification) {
    const known = this.findAnnounced(notification)
    const { updatedAt } = notification
    if (known && !(updatedAt > Math.floor(Date.parse(known.attributes.updatedAt) / 1000))) return undefined
    return this.read(kindOf(notification), notification.id)
  }

  /** The row that a notification is about, as it is known. */
  findAnnounced(notification) {
    return this.find(kindOf(notification), notification.id)
  }

  /** Whether that row was there before a moment, in milliseconds since the epoch. */
  knewBefore(notification, moment) {
    const touched = this.#touched.get(`${kindOf(notification)} ${notification.id}`)
    return touched !== undefined && Date.now() - (performance.now() - touched) < moment
  }

  /** Reads a row, once however often it is asked for within one turn. */
  read(kind, id) {
    const name = `${kind} ${id}`
    if (this.#wanted.size === 0) setTimeout(() => this.#readWanted())
    if (!this.#wanted.has(name)) this.#wanted.set(name, { kind, id, ...Promise.withResolvers() })
    return this.#wanted.get(name).promise
  }

  /** What an answer of the API holds: shown now if nothing announces it, else by what does. */
  answered(kind, row, announced) {
    const asked = performance.now()
    const take = () => this.#take(kind, row, asked)
    if (announced) setTimeout(take, GRACE)
    else take()
  }

  reordered(moved) {
    for (const { id, attributes } of moved) {
      const task = this.find("tasks", id)
      if (!task) continue
      task.attributes = { ...task.attributes, order: attributes.order }
      this.#asked.set(`tasks ${id}`, performance.now())
    }
    this.#changed()
  }

  removed(kind, id) {
    this.#drop(kind, id)
    this.#changed()
  }

  async #readWanted() {
    const wanted = [...this.#wanted.values()]
    this.#wanted.clear()
    try {
      if (wanted.length > MOST_SINGLE_READS) await this.load()
      else await Promise.all(wanted.map(({ kind, id }) => this.#readOne(kind, id)))
      wanted.forEach(({ kind, id, resolve }) => resolve(this.find(kind, id) ?? null))
    } catch (error) {
      wanted.forEach(({ reject }) => reject(error))
    }
  }

  async #readOne(kind, id) {
    const asked = performance.now()
    try {
      this.#take(kind, await this.api.one(kind, id), asked)
    } catch (error) {
      if (error.status !== 404) throw error
      this.removed(kind, id)
    }
  }

  #take(kind, row, asked) {
    const before = this.find(kind, row.id)
    if (row.attributes.state === "abandoned") this.#drop(kind, row.id)
    else this.#keep(kind, row, asked)
    this.#changed()
    const left = kind === "tasks" && before?.relationships.project.data?.id
    // Nothing announces that a project is deleted; but each of its tasks leaves it.
    if (left && !row.relationships.project.data && this.find("projects", left)) this.read("projects", left)
  }

  /** Of two answers about one version of a row, the one that was asked for later is the newer. */
  #keep(kind, row, asked) {
    const name = `${kind} ${row.id}`
    if (this.#gone.has(name)) return
    const known = this.find(kind, row.id)
    const older = known && Date.parse(known.attributes.updatedAt) - Date.parse(row.attributes.updatedAt)
    if (older > 0 || (older === 0 && this.#asked.get(name) > asked)) return
    this.#rows[kind].set(row.id, row)
    this.#asked.set(name, asked)
    this.#touched.set(name, performance.now())
  }

  #drop(kind, id) {
    this.#rows[kind].delete(id)
    this.#gone.add(`${kind} ${id}`)
  }

  #changed() {
    this.dispatchEvent(new Event("change"))
  }
}
