import { sentenceFor } from "../wording.js"
import { clone, find } from "../dom.js"

const SECONDS = 6

/** Said to screen readers, and seen by nobody. */
export function announce(text) {
  find("#announcer").textContent = text
}

/** A note that goes by itself. */
export function note(text) {
  const element = show(text, "#notes")
  setTimeout(() => element.remove(), SECONDS * 1000)
}

/** Stays until it is read. */
export function complain(error) {
  console.debug(error)
  show(sentenceFor(error), "#complaints")
}

export function forgetComplaints() {
  find("#complaints").replaceChildren()
}

function show(text, where) {
  const element = clone("message")
  find("p", element).textContent = text
  find("button", element).addEventListener("click", () => element.remove())
  find(where).replaceChildren(element)
  return element
}
