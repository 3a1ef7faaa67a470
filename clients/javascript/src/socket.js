import { atTime, historyOf } from "./position.js"

const EXTENDED = "actioncable-v1-ext-json"

/**
 * A websocket of the extended protocol, with one subscription. sink: what a transport tells, see link.js.
 * Returns {history, close}.
 */
export function openSocket({ WebSocket = globalThis.WebSocket, socketUrl, channel, client, token, position }, sink) {
  const identifier = JSON.stringify({ channel, ...(client && { client }) })
  const socket = new WebSocket(socketUrl, [EXTENDED, ...(token ? [`anycable-token.${token}`] : [])])
  const asked = [] // what is to be done with the answers to histories, which come in the order of the questions
  let farewell = { reconnect: true }
  let live = false

  const say = (command, history) =>
    socket.send(JSON.stringify({ command, identifier, ...(history && { history: historyOf(history) }) }))
  const history = (from, answered) => {
    asked.push(answered)
    say("history", from)
  }
  const ready = (replayed) => {
    live = true
    sink.ready(replayed)
  }

  const on = {
    welcome() {
      if (position) asked.push(ready)
      say("subscribe", position)
    },
    confirm_subscription: () => position || ready(true),
    reject_subscription: () => socket.close(),
    confirm_history: () => asked.shift()?.(true),
    reject_history: () => asked.shift()?.(false),
    ping: ({ message }) => live && sink.moved(atTime(message)),
    disconnect: ({ reason, reconnect }) => {
      farewell = { reason, reconnect }
      socket.close()
    },
  }

  socket.onmessage = ({ data }) => {
    sink.alive()
    const { type, ...frame } = JSON.parse(data)
    if (type) on[type]?.(frame)
    else if (frame.message) sink.changed(frame.message, frame.epoch && `${frame.epoch}-${frame.offset}`)
  }
  socket.onclose = () => sink.ended(farewell)
  socket.onerror = () => {} // closed follows
  return { history, close: () => socket.close() }
}
