// Lessy's REST API. Every call answers with what is under "data", or throws an ApiError.

export class ApiError extends Error {
  /** status: of HTTP, 0 when the server was not reached. errors: the elements of the error format. */
  constructor(status, errors = []) {
    super(errors[0]?.detail ?? `HTTP ${status}`)
    this.status = status
    this.errors = errors
  }

  get code() {
    return this.errors[0]?.code
  }

  get pointer() {
    return this.errors[0]?.source?.pointer
  }
}

export class Api {
  #pending = new Set()
  #mayAsk = Promise.resolve()

  /** ended: called when the token is no longer valid. */
  constructor(token, ended = () => {}) {
    this.token = token
    this.ended = ended
  }

  logIn(username, password) {
    return this.#send("POST", "/users/authorizations", { username, password })
  }

  /** What was asked before is answered first, and nothing is asked with a token that has ended. */
  signOut() {
    const ended = Promise.allSettled(this.#pending).then(() => this.#answer("DELETE", "/users/authorizations"))
    this.#mayAsk = ended.then(() => new Promise(() => {}), () => {})
    return ended
  }

  async me() {
    return (await this.#send("GET", "/users/me")).data
  }

  async one(kind, id) {
    return (await this.#send("GET", `/${kind}/${id}`)).data
  }

  /**
   * All pages of "tasks" or "projects". They are ordered by id: a row that goes pulls later ones to an earlier page.
   * So the pages are read from the last to the first: a row may be met twice, but none is missed.
   */
  async all(kind) {
    const path = `/users/me/${kind}`
    const { data, links } = await this.#send("GET", path)
    const last = Number(new URLSearchParams(links.last.split("?")[1]).get("page"))
    if (last < 2) return data
    const rows = new Map()
    for (let page = last; page > 0; page -= 1) {
      const answer = await this.#send("GET", `${path}?page=${page}`)
      answer.data.forEach((row) => rows.set(row.id, row))
    }
    return [...rows.values()]
  }

  async create(kind, attributes) {
    return (await this.#send("POST", `/users/me/${kind}`, attributes)).data
  }

  async update(kind, id, attributes) {
    return (await this.#send("PATCH", `/${kind}/${id}`, attributes)).data
  }

  async changeState(kind, id, state, more = {}) {
    const body = { [kind.slice(0, -1)]: { state, ...more } }
    return (await this.#send("PUT", `/${kind}/${id}/state`, body, { keepalive: true })).data
  }

  /** Answers with the new order of every task that moved. */
  async move(id, order) {
    return (await this.#send("PUT", `/tasks/${id}/order`, { task: { order } })).data
  }

  delete(kind, id) {
    return this.#send("DELETE", `/${kind}/${id}`)
  }

  async whatIf() {
    return (await this.#send("GET", "/what-if", undefined, { root: "" })).data
  }

  cause(fault, label) {
    return this.#send("POST", `/what-if/${fault}`, { label }, { root: "" })
  }

  /** more: of fetch, and the root of the path. keepalive: goes on when the page is left. */
  async #send(...request) {
    await this.#mayAsk
    const answer = this.#answer(...request)
    this.#pending.add(answer)
    try {
      return await answer
    } finally {
      this.#pending.delete(answer)
    }
  }

  async #answer(method, path, body, more) {
    const response = await this.#fetch(method, path, body, more)
    const answer = response.status === 204 ? {} : await response.json().catch(() => ({}))
    if (response.ok) return answer
    const error = new ApiError(response.status, answer.errors)
    if (error.status === 401 && error.code === "unauthorized") this.ended()
    throw error
  }

  async #fetch(method, path, body, { root = "/api", ...more } = {}) {
    const headers = { "Content-Type": "application/json" }
    if (this.token) headers.Authorization = this.token
    try {
      return await fetch(`${root}${path}`, { method, headers, body: body && JSON.stringify(body), ...more })
    } catch {
      throw new ApiError(0)
    }
  }
}
