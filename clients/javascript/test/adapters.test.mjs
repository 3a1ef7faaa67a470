import assert from "node:assert/strict"
import { createRequire } from "node:module"
import { test } from "node:test"

import { store, swr, tanstackQuery } from "../src/adapters.js"

const require = createRequire(new URL("../../../tests/clients/package.json", import.meta.url))
const { QueryClient, QueryObserver } = require("@tanstack/query-core")

const update = (id, updatedAt) => ({ action: "update#tasks", id, updatedAt })

test("TanStack Query reads again what changed, unless it is known", async () => {
  const client = new QueryClient()
  const rows = {
    known: [["tasks", 1], { id: 1, updatedAt: "2018-01-06T14:15:00.900Z" }],
    old: [["tasks", 2], { id: 2, updatedAt: 5 }],
    other: [["tasks", 3], { id: 3, updatedAt: 5 }],
    list: [["tasks"], [{ id: 1, updatedAt: 1515248100 }, { id: 2, updatedAt: 5 }]],
    filtered: [["tasks", { done: true }], [{ id: 9, updatedAt: 5 }]],
    elsewhere: [["projects", 2], { id: 2, updatedAt: 5 }],
  }
  const read = []
  for (const [name, [queryKey, data]] of Object.entries(rows)) {
    client.setQueryData(queryKey, data)
    const queryFn = () => (read.push(name), data)
    new QueryObserver(client, { queryKey, queryFn, staleTime: Infinity }).subscribe(() => {})
  }
  const { onChange, onRefetch } = tanstackQuery(client)
  onChange([update(1, 1515248100)])
  assert.deepEqual(read.splice(0), ["filtered"])
  await new Promise(setImmediate)
  onChange([update("2", 1515248100)])
  assert.deepEqual(read.splice(0), ["old", "list", "filtered"])
  await new Promise(setImmediate)
  onChange([{ action: "destroy#tasks", id: 1 }])
  assert.deepEqual(read.splice(0), ["known", "list", "filtered"])
  await new Promise(setImmediate)
  onRefetch({ reason: "history" })
  assert.equal(read.length, 6)
  client.clear()
})

test("SWR is told by a filter of its keys", () => {
  const filters = []
  const { onChange, onRefetch } = swr((filter) => filters.push(filter))
  const keys = [["tasks", 23], ["tasks"], ["tasks", { done: true }], ["tasks", 24], ["projects", 23], "/tasks", undefined]
  onChange([update(23, 5)])
  assert.deepEqual(keys.map(filters[0]), [true, true, true, false, false, false, false])
  onRefetch({ reason: "start" })
  assert.ok(keys.every(filters[1]))
})

test("a composite id is one key", () => {
  const filters = []
  swr((filter) => filters.push(filter)).onChange([{ action: "create#a#b", id: [1, "x"] }])
  assert.deepEqual([["a#b", [1, "x"]], ["a#b", [2, "x"]]].map(filters[0]), [true, false])
})

test("a store of one's own loads, removes and reloads", () => {
  const did = []
  const rows = { 1: { id: 1, updatedAt: "2018-01-06T14:15:00Z" } }
  const { onChange, onRefetch } = store({
    find: (resource, id) => resource === "tasks" && rows[id],
    load: (...words) => did.push(["load", ...words]),
    remove: (...words) => did.push(["remove", ...words]),
    reload: () => did.push(["reload"]),
  })
  onChange([update(1, 1515248100), update(1, 1515248101), update(2, 5), { action: "destroy#tasks", id: 1 }])
  onRefetch({ reason: "start" })
  assert.deepEqual(did, [["load", "tasks", 1], ["load", "tasks", 2], ["remove", "tasks", 1], ["reload"]])
})
