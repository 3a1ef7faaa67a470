// Drives one client from npm, unmodified:  node client.mjs PACKAGE URL TOKEN [PROTOCOL]
// Prints what happens to it, a JSON object a line; obeys {"do": …} on its standard input.
import { createInterface } from "node:readline"
import WebSocket from "ws"

const [name, url, firstToken, protocol] = process.argv.slice(2)
let token = firstToken

const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }))

// What a browser has and Node has not. Its sockets bring the cookie, as a browser's do.
class BrowserSocket extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, { headers: { Cookie: `Authorization=${token}` } })
    say("socket", { address })
    this.on("error", () => {})
    this.on("close", () => say("closed"))
  }
}

const ignore = () => {}
globalThis.window = globalThis.self = globalThis
globalThis.WebSocket = BrowserSocket
globalThis.addEventListener ??= ignore
globalThis.removeEventListener ??= ignore
globalThis.document = {
  visibilityState: "visible",
  head: { querySelector: () => null },
  addEventListener: ignore,
  removeEventListener: ignore,
}

// In a browser an error in a handler goes to its console and nothing ends; 5.2 has one for every `disconnect`.
process.on("uncaughtException", (error) => say("error", { text: String(error) }))

async function railsClient() {
  const library = await import(name)
  const consumer = (library.default ?? library).createConsumer(url)
  let subscription
  return {
    subscribe(params = {}) {
      subscription = consumer.subscriptions.create({ channel: "NotificationsChannel", ...params }, {
        connected: () => say("connected"),
        disconnected: (how) => say("disconnected", how),
        rejected: () => say("rejected"),
        received: (message) => say("received", { message }),
      })
    },
    unsubscribe: () => subscription.unsubscribe(),
  }
}

async function anycableClient() {
  const { createCable } = await import("@anycable/web")
  let refreshed
  const cable = createCable(url, {
    protocol,
    websocketImplementation: BrowserSocket,
    logLevel: "error",
    // As a page that asks its server for another token; "refresh" is the answer.
    tokenRefresher: () => new Promise((resolve) => {
      refreshed = resolve
      say("asked for a token")
    }),
  })
  cable.on("close", () => say("gave up"))
  let channel
  return {
    subscribe(params = {}) {
      channel = cable.subscribeTo("NotificationsChannel", params)
      channel.on("connect", () => say("connected"))
      channel.on("disconnect", () => say("disconnected"))
      channel.on("close", () => say("rejected"))
      channel.on("info", (info) => say("info", info))
      channel.on("message", (message) => say("received", { message }))
    },
    unsubscribe: () => channel.disconnect(),
    refresh({ token: later }) {
      token = later
      refreshed()
    },
  }
}

const client = await (name === "@anycable/web" ? anycableClient() : railsClient())

for await (const line of createInterface({ input: process.stdin })) {
  const { do: action, ...params } = JSON.parse(line)
  client[action](params)
}
process.exit()
