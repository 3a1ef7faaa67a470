// The extended protocol, actioncable-v1-ext-json, spoken by AnyCable's client. It remembers the position of the
// last message and resumes from there.

const CHANNEL = "NotificationsChannel"
const PING_SECONDS = 3

export async function openExtended({ url, Socket, since, received, refused }) {
  const [{ createCable }, { backoffWithJitter }] = await Promise.all([
    import("@anycable/web"),
    import("@anycable/core"),
  ])
  let next = 0
  const backoff = backoffWithJitter(PING_SECONDS * 1000, { maxInterval: 30_000 })
  const cable = createCable(url, {
    protocol: "actioncable-v1-ext-json",
    websocketImplementation: Socket,
    historyTimestamp: since(),
    logLevel: "error",
    reconnectStrategy: (attempts) => {
      const wait = backoff(attempts)
      next = Date.now() + wait
      return wait
    },
  })
  // A failure shows as a closed socket; the library tries again by itself.
  const connect = () => cable.connect().catch(() => {})
  const channel = cable.subscribeTo(CHANNEL)
  channel.on("message", received)
  channel.on("info", ({ type }) => {
    if (type === "history_not_found") refused()
  })
  return {
    retryAt: () => next,
    connect: () => (cable.state === "closed" ? connect() : cable.monitor.reconnectNow()),
    disconnect: () => cable.disconnect(),
  }
}
