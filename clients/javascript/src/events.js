import { hasEpoch } from "./position.js"

/**
 * Server-Sent Events, read by fetch: unlike EventSource it tells the status of a refusal, takes a header, and leaves
 * it to us when to come back. A stream answers one question: there is no history besides the one of its beginning.
 */
export function openEvents({ fetch = globalThis.fetch, eventsUrl, client, token, position }, sink) {
  const url = new URL(eventsUrl)
  const from = position && hasEpoch(position) ? position : null
  if (from) url.searchParams.set("position", from)
  if (client) url.searchParams.set("client", client)
  const aborter = new AbortController()
  let farewell = { reconnect: true }
  let live = false

  const happened = ({ event, data, id }) => {
    if (event === "disconnect") {
      farewell = JSON.parse(data)
      return
    }
    // A stream that is refused, but may be asked for again, begins with its end.
    if (!live) sink.ready(Boolean(from) || !position)
    live = true
    if (data && !event) return sink.changed(JSON.parse(data), id)
    if (event === "refetch") sink.refetch(JSON.parse(data).reason)
    if (id) sink.moved(id)
  }

  async function read() {
    const headers = { Accept: "text/event-stream", ...(token && { Authorization: `Bearer ${token}` }) }
    const credentials = token ? "omit" : "include"
    const answer = await fetch(url, { headers, credentials, cache: "no-store", signal: aborter.signal })
    if (answer.status !== 200) {
      // The server gives its reasons where it is of no use to come back; what stands between gives none.
      const { error } = await answer.json().catch(() => ({}))
      farewell = { reason: error, reconnect: !error }
      return
    }
    const parser = new Parser(happened)
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let part; !(part = await reader.read()).done; parser.read(part.value)) sink.alive()
  }

  // Whatever cut it, it is asked for again.
  read().catch((error) => (farewell.reason ??= String(error))).then(() => sink.ended(farewell))
  return { close: () => aborter.abort() }
}

/** happened({event, data, id}), for each block of lines, with those that it has; as the HTML standard has it (9.2.6). */
class Parser {
  #rest = ""
  #event = {}

  constructor(happened) {
    this.happened = happened
  }

  read(text) {
    const lines = (this.#rest + text).split(/\r?\n/)
    this.#rest = lines.pop()
    for (const line of lines) this.#line(line)
  }

  #line(line) {
    const event = this.#event
    if (line === "") {
      this.#event = {}
      this.happened(event)
      return
    }
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line)
    if (name === "data" && event.data !== undefined) event.data += `\n${value}`
    else if (["data", "event", "id"].includes(name)) event[name] = value
  }
}
