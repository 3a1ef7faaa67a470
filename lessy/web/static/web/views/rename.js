import { clone, find } from "../dom.js"
import { sentenceFor } from "../wording.js"

/**
 * Puts a form in place of a row's name. save(text) answers when the API has taken it, or throws.
 * Enter and leaving the field save, Escape gives up.
 */
export function rename(row, text, save) {
  if (row.classList.contains("renaming")) return
  const form = clone("rename-form")
  const input = find("input", form)
  let saving = false
  const end = (focus) => {
    row.classList.remove("renaming")
    form.remove()
    if (focus) find("summary", row).focus()
  }
  const submit = async (stays) => {
    if (saving) return
    saving = true
    try {
      if (input.value !== text) await save(input.value)
      end(form.contains(document.activeElement))
    } catch (error) {
      refuse(form, input, error, stays)
    } finally {
      saving = false
    }
  }
  input.value = text
  row.classList.add("renaming")
  find("[data-field=label]", row).after(form)
  input.select()
  input.focus()
  form.addEventListener("keydown", ({ key }) => key === "Escape" && !saving && end(true))
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    submit(true)
  })
  // Later: a row that is moved loses the focus for a moment, and with its window a field stays the active one.
  form.addEventListener("focusout", () =>
    setTimeout(() => form.isConnected && !form.contains(document.activeElement) && submit(false)),
  )
}

/** Says beside a field why it was not taken. focus: whether the user is there still. */
export function refuse(form, input, error, focus = true) {
  find(".field-error", form).textContent = sentenceFor(error)
  input.setAttribute("aria-invalid", "true")
  if (focus) input.focus()
}

export function accept(form, input) {
  find(".field-error", form).textContent = ""
  input.removeAttribute("aria-invalid")
}
