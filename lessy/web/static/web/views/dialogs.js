import { find } from "../dom.js"

/** Asks for a due date. Resolves with "2031-05-06", or null. */
export function askDueDate(name) {
  const dialog = find("#due-dialog")
  const input = find("input", dialog)
  find("[data-field=name]", dialog).textContent = name
  // Today's midnight lies before the start.
  input.min = inDays(1)
  input.value = inDays(14)
  return ask(dialog, () => input.value)
}

/** Resolves with true, or null. */
export function askDelete(name, tasks) {
  const dialog = find("#delete-dialog")
  find("[data-field=name]", dialog).textContent = name
  const count = tasks === 1 ? "Its task is" : `Its ${tasks} tasks are`
  find("[data-field=consequence]", dialog).textContent = tasks ? `${count} abandoned with it.` : "It has no tasks."
  return ask(dialog, () => true)
}

/** Enter in a field presses the first submit button of its form: so Cancel is none. */
function ask(dialog, value) {
  dialog.returnValue = ""
  find("[data-close]", dialog).onclick = () => dialog.close()
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok" ? value() : null), { once: true })
  })
}

function inDays(days) {
  const date = new Date()
  date.setDate(date.getDate() + days)
  const two = (number) => String(number).padStart(2, "0")
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
