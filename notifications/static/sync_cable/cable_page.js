// Keeps the page Cable of the admin up to date: every few seconds, and at once when the cable brings a change, if
// the browser has a right to one. What one has open or is about to press stays.

const SECONDS = 5
const AT_MOST_EVERY = 1000 // milliseconds

const live = document.getElementById("live")
let readAt = 0
let due = null

async function read() {
  due = null
  readAt = Date.now()
  const answer = await fetch(location.href, { headers: { "X-Requested-With": "fetch" } }).catch(() => null)
  const text = answer?.ok && !answer.redirected ? await answer.text() : ""
  const found = new DOMParser().parseFromString(text, "text/html").getElementById("live")
  show(found)
}

/** found: null while the server cannot be reached, or its session has ended. */
function show(found) {
  const state = document.getElementById("live-state")
  state.textContent = found ? `Live: read at ${new Date().toTimeString().slice(0, 8)}` : "Not live: the server does not answer."
  if (!found || live.matches(":active") || live.querySelector("form:focus-within")) return
  for (const part of live.querySelectorAll("[data-part]")) {
    const fresh = found.querySelector(`[data-part="${part.dataset.part}"]`)
    if (fresh && part.innerHTML !== fresh.innerHTML) part.innerHTML = fresh.innerHTML
  }
}

function readSoon() {
  due ??= setTimeout(read, Math.max(0, readAt + AT_MOST_EVERY - Date.now()))
}

/** The base protocol by hand: a page of the admin has no client library. */
function listen() {
  const url = new URL(live.dataset.cable, location.href)
  url.protocol = url.protocol.replace("http", "ws")
  const socket = new WebSocket(url, ["actioncable-v1-json"])
  socket.addEventListener("message", ({ data }) => {
    const { type, message } = JSON.parse(data)
    if (type === "welcome") {
      socket.send(JSON.stringify({ command: "subscribe", identifier: '{"channel":"NotificationsChannel"}' }))
    } else if (message && !type) {
      readSoon()
    }
  })
}

setInterval(() => document.hidden || readSoon(), SECONDS * 1000)
document.addEventListener("visibilitychange", () => document.hidden || readSoon())
listen()
