// sync-cable-client, of this repository: the extended protocol, or Server-Sent Events where no websocket gets through.
// Each window shows what comes to it, and so has a connection of its own.

export async function openOwn({ url, Socket, since, received, refused, events }) {
  const { connect } = await import("sync-cable-client")
  let retryAt = 0
  let transport = "websocket"
  const cable = connect({
    url,
    WebSocket: Socket,
    share: false,
    storage: null,
    since: since(),
    coalesce: 0,
    onChange: (changes) =>
      changes.forEach((change) => {
        // What a websocket says is observed there.
        if (transport === "events") events.changed(change)
        received(change)
      }),
    onRefetch: refused,
    onState: (state) => {
      retryAt = state.retryAt ?? retryAt
      transport = state.transport ?? transport
      if (transport === "events") events.became(state)
    },
  })
  return {
    retryAt: () => retryAt,
    connect: () => cable.reconnect(),
    disconnect: () => cable.close(),
  }
}
