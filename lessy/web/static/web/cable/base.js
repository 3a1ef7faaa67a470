// The base protocol, actioncable-v1-json, spoken by Rails' own client. It replays nothing by itself: the key
// "since" of the identifier asks the server for what changed, each time it subscribes.

const CHANNEL = "NotificationsChannel"

/** since(): from when on changes are wanted, in whole seconds since the epoch, by the server's clock. */
export async function openBase({ url, Socket, since, received, refused }) {
  const { adapters, createConsumer } = await import("@rails/actioncable")
  adapters.WebSocket = Socket
  const consumer = createConsumer(url)
  const { connection } = consumer
  const params = () => ({ channel: CHANNEL, since: since() })

  const subscribe = () => {
    const subscription = consumer.subscriptions.create(params(), {
      received,
      // It subscribes anew with the identifier that it finds by then.
      disconnected: () => (subscription.identifier = JSON.stringify(params())),
      // More changed than the server replays.
      rejected: () => refused().then(subscribe),
    })
  }

  const retryAt = watchPolls(connection)
  subscribe()
  return {
    retryAt,
    connect: () => connection.open(),
    disconnect: () => consumer.disconnect(),
  }
}

/** When the library looks again whether to reopen, which it does every 6 to 12 s. Answers in milliseconds. */
function watchPolls({ monitor }) {
  const interval = monitor.getPollInterval.bind(monitor)
  let next = Date.now() + interval()
  monitor.getPollInterval = () => {
    const wait = interval()
    next = Date.now() + wait
    return wait
  }
  return () => next
}
