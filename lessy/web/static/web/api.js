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
  /** ended: called when the token is no longer valid. */
  constructor(token, ended = () => {}) {
    this.token = token
    this.ended = ended
  }

  logIn(username, password) {
    return this.#send("POST", "/users/authorizations", { username, password })
  }

  signOut() {
    return this.#send("DELETE", "/users/authorizations")
  }

  async me() {
    return (await this.#send("GET", "/users/me")).data
  }

  async one(kind, id) {
    return (await this.#send("GET", `/${kind}/${id}`)).data
  }

  /** All pages of "tasks" or "projects". */
  async all(kind) {
    const rows = []
    let next = `/users/me/${kind}`
    while (next) {
      const { data, links } = await this.#send("GET", next)
      rows.push(...data)
      next = links.next?.replace("/api", "")
    }
    return rows
  }

  async create(kind, attributes) {
    return (await this.#send("POST", `/users/me/${kind}`, attributes)).data
  }

  async update(kind, id, attributes) {
    return (await this.#send("PATCH", `/${kind}/${id}`, attributes)).data
  }

  async changeState(kind, id, state, more = {}) {
    return (await this.#send("PUT", `/${kind}/${id}/state`, { [kind.slice(0, -1)]: { state, ...more } })).data
  }

  /** Answers with the new order of every task that moved. */
  async move(id, order) {
    return (await this.#send("PUT", `/tasks/${id}/order`, { task: { order } })).data
  }

  delete(kind, id) {
    return this.#send("DELETE", `/${kind}/${id}`)
  }

  async #send(method, path, body) {
    const response = await this.#fetch(method, path, body)
    const answer = response.status === 204 ? {} : await response.json().catch(() => ({}))
    if (response.ok) return answer
    const error = new ApiError(response.status, answer.errors)
    if (error.status === 401 && error.code === "unauthorized") this.ended()
    throw error
  }

  async #fetch(method, path, body) {
    const headers = { "Content-Type": "application/json" }
    if (this.token) headers.Authorization = this.token
    try {
      return await fetch(`/api${path}`, { method, headers, body: body && JSON.stringify(body) })
    } catch {
      throw new ApiError(0)
    }
  }
}
