// A small server of both transports, which does what a test tells it; the real one is driven by pytest.

import { once } from "node:events"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { setTimeout as sleep } from "node:timers/promises"

const { WebSocket, WebSocketServer } = createRequire(
  new URL("../../../tests/clients/package.json", import.meta.url),
)("ws")

export { WebSocket }
export const IDENTIFIER = JSON.stringify({ channel: "NotificationsChannel" })

/** Waits for what should happen. */
export async function eventually(check, what = String(check)) {
  for (const end = Date.now() + 8_000; Date.now() < end; await sleep(5)) {
    const found = check()
    if (found) return found
  }
  throw new Error(`waited in vain: ${what}`)
}

/** A part of a server that tests look at: what came in, and what may be sent to it. */
class Socket {
  commands = []

  constructor(socket, request) {
    this.socket = socket
    this.protocols = request.headers["sec-websocket-protocol"]
    socket.on("message", (text) => this.commands.push(JSON.parse(text)))
    this.say({ type: "welcome", sid: "1" })
  }

  say(frame) {
    this.socket.send(JSON.stringify(frame))
  }

  answer(type) {
    this.say({ type, identifier: IDENTIFIER })
  }

  change(action, id, offset, updatedAt) {
    const message = { action, id, ...(updatedAt && { updatedAt }) }
    this.say({ identifier: IDENTIFIER, message, stream_id: "s", epoch: "e", offset })
  }

  async subscribed(reply = "confirm_history") {
    const { history } = await eventually(() => this.commands[0], "a subscribe")
    this.answer("confirm_subscription")
    if (history) this.answer(reply)
    return history
  }

  end() {
    this.socket.terminate()
  }
}

/** websockets: whether they are served; answer(request, response): what a request for events gets. */
export async function newServer({ websockets = true, answer } = {}) {
  const server = createServer()
  const sockets = []
  const streams = []
  const upgrades = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] })
  const found = { sockets, streams, refused: 0, websockets, answer }

  server.on("upgrade", (request, socket, head) => {
    if (found.websockets) {
      upgrades.handleUpgrade(request, socket, head, (each) => sockets.push(new Socket(each, request)))
    } else {
      found.refused += 1
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    }
  })
  server.on("request", (request, response) => {
    if (found.answer) return found.answer(request, response)
    response.writeHead(200, { "Content-Type": "text/event-stream" })
    const url = new URL(request.url, "http://x")
    streams.push({
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      say: (text) => response.write(text),
      cut: () => response.destroy(),
      end: () => response.end(),
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  found.url = `http://127.0.0.1:${server.address().port}/cable`
  found.nthSocket = (n) => eventually(() => sockets[n - 1], `websocket ${n}`)
  found.nthStream = (n) => eventually(() => streams[n - 1], `stream ${n}`)
  found.stop = () => {
    sockets.forEach((each) => each.end())
    server.closeAllConnections()
    server.close()
  }
  return found
}

export class Storage {
  items = new Map()
  getItem = (name) => this.items.get(name) ?? null
  setItem = (name, value) => this.items.set(name, value)
}
