/** Of the websocket and of the events beside it, whichever of ws, http or a path the url is. */
export function addresses(url, eventsUrl) {
  const base = new URL(url, globalThis.location?.href)
  const events = eventsUrl ? new URL(eventsUrl, base) : new URL(base)
  if (!eventsUrl) events.pathname = `${base.pathname.replace(/\/$/, "")}/events`
  base.protocol = base.protocol.replace("http", "ws")
  events.protocol = events.protocol.replace("ws", "http")
  return { socketUrl: base.href, eventsUrl: events.href }
}
