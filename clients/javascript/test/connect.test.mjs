import assert from "node:assert/strict"
import { afterEach, test } from "node:test"

import { connect } from "../src/index.js"
import { eventually, newServer, Storage, WebSocket } from "./server.mjs"

const ending = []
afterEach(() => ending.splice(0).reverse().forEach((end) => end()))

async function serve(options) {
  const server = await newServer(options)
  ending.push(server.stop)
  return server
}

/** What a cable told: changes, refetches and states, and the cable. */
function listen(server, options = {}) {
  const heard = { changes: [], refetches: [], states: [], calls: 0 }
  heard.cable = connect({
    url: server.url,
    WebSocket,
    share: false,
    storage: null,
    coalesce: 0,
    onChange(changes) {
      heard.calls += 1
      heard.changes.push(...changes)
    },
    onRefetch: ({ reason }) => heard.refetches.push(reason),
    onState: (state) => heard.states.push(state),
    ...options,
  })
  ending.push(() => heard.cable.close())
  heard.open = () => eventually(() => heard.cable.state.name === "open", "open")
  heard.hears = (count) => eventually(() => heard.changes.length >= count, `${count} changes`)
  return heard
}

test("a first visit reads its state once it is subscribed", async () => {
  const server = await serve()
  const heard = listen(server)
  const socket = await server.nthSocket(1)
  await eventually(() => socket.commands[0])
  assert.deepEqual(heard.refetches, [])
  assert.equal(await socket.subscribed(), undefined)
  await heard.open()
  assert.deepEqual(heard.refetches, ["start"])
  assert.equal(socket.protocols, "actioncable-v1-ext-json")
  socket.change("update#tasks", 23, 100, 1515248100)
  await heard.hears(1)
  assert.deepEqual(heard.changes, [{ action: "update#tasks", id: 23, updatedAt: 1515248100 }])
  assert.equal(heard.cable.position, "e-100")
})

test("the position of a page is where it begins, and nothing is refetched", async () => {
  const server = await serve()
  const heard = listen(server, { position: "e-50" })
  assert.deepEqual(await (await server.nthSocket(1)).subscribed(), { position: "e-50" })
  await heard.open()
  assert.deepEqual(heard.refetches, [])
})

test("a cut connection comes back where it was, by what a ping said as well", async () => {
  const server = await serve()
  const heard = listen(server, { position: "e-50" })
  const first = await server.nthSocket(1)
  await first.subscribed()
  first.change("create#tasks", 1, 60)
  await heard.hears(1)
  first.end()
  const second = await server.nthSocket(2)
  assert.deepEqual(await second.subscribed(), { position: "e-60" })
  second.say({ type: "ping", message: 7 })
  await eventually(() => heard.cable.position === "e-7000000")
  second.end()
  assert.deepEqual(await (await server.nthSocket(3)).subscribed(), { position: "e-7000000" })
  assert.deepEqual(heard.refetches, [])
})

test("what a ping says before the replay is complete is not believed", async () => {
  const server = await serve()
  const heard = listen(server, { position: "e-50" })
  const socket = await server.nthSocket(1)
  await eventually(() => socket.commands[0])
  socket.answer("confirm_subscription")
  socket.say({ type: "ping", message: 7 })
  socket.change("create#tasks", 1, 60)
  await heard.hears(1)
  assert.equal(heard.cable.position, "e-50")
  assert.equal(heard.cable.state.name, "connecting")
})

test("nor is it while a connection that came back is told what it missed", async () => {
  const server = await serve()
  const heard = listen(server, { position: "e-50" })
  await (await server.nthSocket(1)).subscribed()
  await heard.open()
  server.sockets[0].end()
  const second = await server.nthSocket(2)
  await eventually(() => second.commands[0])
  second.answer("confirm_subscription")
  second.say({ type: "ping", message: 7 })
  second.change("create#tasks", 1, 60)
  await heard.hears(1)
  assert.equal(heard.cable.position, "e-60")
})

test("what is told again does not take the position back", async () => {
  const server = await serve()
  const heard = listen(server, { position: "e-50" })
  const socket = await server.nthSocket(1)
  await socket.subscribed()
  socket.change("create#tasks", 1, 90)
  socket.change("create#tasks", 2, 70)
  await heard.hears(2)
  assert.equal(heard.cable.position, "e-90")
})

test("a position without an epoch is a time", async () => {
  const server = await serve()
  const heard = listen(server)
  const first = await server.nthSocket(1)
  await first.subscribed()
  first.say({ type: "ping", message: 1515248100 })
  await eventually(() => heard.cable.position)
  first.end()
  assert.deepEqual(await (await server.nthSocket(2)).subscribed(), { since: 1515248100, streams: {} })
})

test("a time of the server's is where it begins as well", async () => {
  const server = await serve()
  const heard = listen(server, { since: 1515248100 })
  assert.deepEqual(await (await server.nthSocket(1)).subscribed(), { since: 1515248100, streams: {} })
  await heard.open()
  assert.deepEqual(heard.refetches, [])
})

test("a replay that is refused is a refetch, and its position is not asked for again", async () => {
  const server = await serve()
  const heard = listen(server, { position: "e-50" })
  const first = await server.nthSocket(1)
  await first.subscribed("reject_history")
  await heard.open()
  assert.deepEqual(heard.refetches, ["history"])
  assert.equal(heard.cable.position, null)
  first.say({ type: "ping", message: 9 })
  await eventually(() => heard.cable.position === "-9000000")
})

test("a position survives a reload, but not the one of a page that brings its own", async () => {
  const server = await serve()
  const storage = new Storage()
  const before = listen(server, { storage })
  const first = await server.nthSocket(1)
  await first.subscribed()
  first.change("create#tasks", 1, 60)
  await before.hears(1)
  before.cable.close()
  listen(server, { storage })
  assert.deepEqual(await (await server.nthSocket(2)).subscribed(), { position: "e-60" })
  listen(server, { storage, position: "e-90" })
  assert.deepEqual(await (await server.nthSocket(3)).subscribed(), { position: "e-90" })
})

test("a storage that holds nonsense or throws counts as empty", async () => {
  const server = await serve()
  const nonsense = listen(server, { storage: { getItem: () => "nonsense", setItem() {} } })
  assert.equal(nonsense.cable.position, null)
  const fail = () => {
    throw new Error("full")
  }
  const full = listen(server, { storage: { getItem: fail, setItem: fail } })
  await (await server.nthSocket(2)).subscribed()
  server.sockets[1].change("create#tasks", 1, 60)
  await full.hears(1)
})

test("a server that wants no return is obeyed until reconnect()", async () => {
  const server = await serve()
  const heard = listen(server)
  const first = await server.nthSocket(1)
  first.say({ type: "disconnect", reason: "unauthorized", reconnect: false })
  await eventually(() => heard.cable.state.name === "closed")
  assert.deepEqual(heard.cable.state, { name: "closed", reason: "unauthorized" })
  assert.equal(server.streams.length, 0)
  heard.cable.reconnect()
  await (await server.nthSocket(2)).subscribed()
  await heard.open()
})

test("a token that expired is fetched anew, if there is a function for it", async () => {
  const server = await serve()
  let asked = 0
  const heard = listen(server, { token: () => `token${++asked}` })
  const first = await server.nthSocket(1)
  assert.equal(first.protocols, "actioncable-v1-ext-json,anycable-token.token1")
  await first.subscribed()
  first.say({ type: "disconnect", reason: "token_expired", reconnect: false })
  const second = await server.nthSocket(2)
  assert.equal(second.protocols, "actioncable-v1-ext-json,anycable-token.token2")
  await second.subscribed()
  await heard.open()
})

test("a token that cannot be had is tried again", async () => {
  const server = await serve()
  let asked = 0
  const token = () => (++asked === 1 ? Promise.reject(new Error("away")) : "token")
  const heard = listen(server, { token })
  await (await server.nthSocket(1)).subscribed()
  await heard.open()
})

/** A function that lets the deadline for silence pass, which does not pass by itself. */
function silenceAtWill(context) {
  const { setTimeout } = globalThis
  let pass
  context.mock.method(globalThis, "setTimeout", (act, wait, ...words) => {
    if (wait !== 10_000) return setTimeout(act, wait, ...words)
    pass = act
  })
  return () => pass()
}

test("a token that never comes is asked for again, and has no say when it comes too late", async (context) => {
  const server = await serve()
  const beSilent = silenceAtWill(context)
  const answers = []
  const token = () => new Promise((resolve, reject) => answers.push({ resolve, reject }))
  const heard = listen(server, { token })
  for (const asked of [1, 2, 3]) {
    await eventually(() => answers.length === asked)
    assert.deepEqual(heard.cable.state, { name: "connecting", transport: "websocket" })
    beSilent()
    await eventually(() => heard.cable.state.name === "waiting")
    assert.equal(heard.cable.state.reason, "silence")
    heard.cable.reconnect()
  }
  await eventually(() => answers.length === 4)
  answers[0].resolve("late")
  answers[1].reject(new Error("late"))
  answers[3].resolve("new")
  const socket = await server.nthSocket(1)
  assert.equal(socket.protocols, "actioncable-v1-ext-json,anycable-token.new")
  await socket.subscribed()
  await heard.open()
  answers[2].resolve("late")
  socket.change("update#tasks", 1, 2, 2)
  await heard.hears(1)
  assert.deepEqual([server.sockets.length, answers.length], [1, 4])
})

test("the waits grow, have chance in them, and end with reconnect()", async (context) => {
  const server = await serve({ websockets: false, answer: (_, response) => response.destroy() })
  context.mock.method(Math, "random", () => 1)
  const heard = listen(server)
  const waits = []
  for (const expected of [1_000, 2_000, 4_000]) {
    await eventually(() => heard.cable.state.name === "waiting")
    waits.push(Math.round((heard.cable.state.retryAt - Date.now()) / 500) * 500)
    assert.ok(Math.abs(waits.at(-1) - expected) <= 500, `${waits}`)
    heard.cable.reconnect()
  }
  context.mock.method(Math, "random", () => 0)
  await eventually(() => heard.cable.state.name === "waiting")
  assert.ok(heard.cable.state.retryAt - Date.now() <= 4_000)
})

test("bursts come together, each row once for each action, after the first", async () => {
  const server = await serve()
  const heard = listen(server, { coalesce: 50, position: "e-1" })
  const socket = await server.nthSocket(1)
  await socket.subscribed()
  await heard.open()
  for (let offset = 2; offset < 102; offset++) socket.change("update#tasks", offset % 2, offset, offset)
  socket.change("create#tasks", 5, 200)
  await eventually(() => heard.changes.at(-1)?.id === 5)
  assert.ok(heard.calls <= 4, `${heard.calls} calls`)
  const last = heard.changes.slice(-3).map(({ id, updatedAt }) => [id, updatedAt])
  assert.deepEqual(last, [[0, 100], [1, 101], [5, undefined]])
})

test("close() delivers what waits, and opens nothing any more", async () => {
  const server = await serve()
  const heard = listen(server, { coalesce: 60_000, position: "e-1" })
  const socket = await server.nthSocket(1)
  await socket.subscribed()
  socket.change("update#tasks", 1, 2, 2)
  socket.change("update#tasks", 2, 3, 3)
  await eventually(() => heard.cable.position === "e-3")
  assert.equal(heard.changes.length, 1)
  heard.cable.close()
  assert.equal(heard.changes.length, 2)
  assert.deepEqual(heard.cable.state, { name: "closed", reason: "client" })
})

// Without websockets

test("where websockets are refused events come, at once", async () => {
  const server = await serve({ websockets: false })
  const heard = listen(server, { position: "e-50", client: "me" })
  const stream = await server.nthStream(1)
  assert.equal(stream.path, "/cable/events")
  assert.deepEqual(Object.fromEntries(stream.query), { position: "e-50", client: "me" })
  stream.say("retry: 1000\n\n")
  await heard.open()
  assert.equal(heard.cable.state.transport, "events")
  stream.say('id: e-60\ndata: {"action":"create#tasks",')
  stream.say('"id":1}\n\n: ping\nid: e-70\n\n')
  await eventually(() => heard.cable.position === "e-70")
  assert.deepEqual(heard.changes, [{ action: "create#tasks", id: 1 }])
  assert.deepEqual(heard.refetches, [])
})

test("a stream that was cut goes on where it was", async () => {
  const server = await serve({ websockets: false })
  const heard = listen(server)
  const first = await server.nthStream(1)
  assert.equal(first.query.get("position"), null)
  first.say("retry: 1000\nid: e-4\n\n")
  await heard.open()
  assert.deepEqual(heard.refetches, ["start"])
  first.say(": ping\nid: e-5\n\n")
  await eventually(() => heard.cable.position === "e-5")
  assert.deepEqual(heard.refetches, ["start"])
  first.cut()
  assert.equal((await server.nthStream(2)).query.get("position"), "e-5")
  assert.equal(server.refused, 1)
})

test("a stream says what cannot be replayed, and why it ends", async () => {
  const server = await serve({ websockets: false })
  const heard = listen(server, { position: "e-5" })
  const stream = await server.nthStream(1)
  stream.say('id: f-9\nevent: refetch\ndata: {"reason":"position"}\n\n')
  await eventually(() => heard.cable.position === "f-9")
  assert.deepEqual(heard.refetches, ["position"])
  stream.say('event: disconnect\ndata: {"reason":"remote","reconnect":false}\n\n')
  stream.end()
  await eventually(() => heard.cable.state.name === "closed")
  assert.equal(heard.cable.state.reason, "remote")
})

test("a stream that begins with its end was never open", async () => {
  const text = 'retry: 1\nevent: disconnect\ndata: {"reason":"server_restart","reconnect":true}\n\n'
  const answer = (_, response) => response.writeHead(200).end(text)
  const heard = listen(await serve({ websockets: false, answer }))
  await eventually(() => heard.cable.state.name === "waiting")
  assert.equal(heard.cable.state.reason, "server_restart")
  assert.deepEqual(heard.refetches, [])
})

test("a refusal of the server is obeyed, one of what stands between is not", async () => {
  const refuse = (status, body) => (_, response) => response.writeHead(status).end(body)
  const server = await serve({ websockets: false, answer: refuse(502, "<html>") })
  const heard = listen(server)
  await eventually(() => heard.cable.state.name === "waiting")
  server.answer = refuse(401, '{"error":"unauthorized"}')
  heard.cable.reconnect()
  await eventually(() => heard.cable.state.name === "closed")
  assert.equal(heard.cable.state.reason, "unauthorized")
})

test("where websockets worked they are tried again before events are", async () => {
  const server = await serve()
  const heard = listen(server, { position: "e-1" })
  await (await server.nthSocket(1)).subscribed()
  await heard.open()
  server.websockets = false
  server.sockets[0].end()
  for (const refused of [1, 2]) {
    await eventually(() => heard.cable.state.name === "waiting")
    assert.equal(server.streams.length, 0)
    heard.cable.reconnect()
    await eventually(() => server.refused === refused)
    await eventually(() => heard.cable.state.name === "waiting")
  }
  heard.cable.reconnect()
  await server.nthStream(1)
})

test("a callback that throws is reported and stops nothing", async () => {
  const server = await serve()
  const thrown = []
  globalThis.reportError = (error) => thrown.push(error.message)
  ending.push(() => delete globalThis.reportError)
  let failed = false
  const heard = listen(server, {
    position: "e-1",
    onChange(changes) {
      heard.changes.push(...changes)
      if (!failed) {
        failed = true
        throw new Error("of the page")
      }
    },
  })
  const socket = await server.nthSocket(1)
  await socket.subscribed()
  socket.change("update#tasks", 1, 2, 2)
  socket.change("update#tasks", 2, 3, 3)
  await heard.hears(2)
  await eventually(() => thrown.length)
  assert.deepEqual(thrown, ["of the page"])
  assert.equal(heard.cable.position, "e-3")
})
