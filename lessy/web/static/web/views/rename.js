import { clone, find } from "../dom.js"
import { sentenceFor } from "../wording.js"

/**
 * Puts a form in place of a row's name. save(text) answers when the API has taken it, or throws.
 * Enter saves, Escape and leaving the field give up.
 */
export function rename(row, text, save) {
  if (row.classList.contains("renaming")) return
  const form = clone("rename-form")
  const input = find("input", form)
  const end = (focus) => {
    row.classList.remove("renaming")
    form.remove()
    if (focus) find("summary", row)?.focus()
  }
  input.value = text
  row.classList.add("renaming")
  find("[data-field=label]", row).after(form)
  input.select()
  input.focus()
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") end(true)
  })
  form.addEventListener("focusout", (event) => {
    if (form.isConnected && !form.contains(event.relatedTarget) && !input.disabled) end(false)
  })
  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    try {
      if (input.value !== text) await save(input.value)
      end(true)
    } catch (error) {
      refuse(form, input, error)
    }
  })
}

/** Says beside a field why it was not taken. */
export function refuse(form, input, error) {
  const complaint = find(".field-error", form)
  complaint.textContent = sentenceFor(error)
  input.setAttribute("aria-invalid", "true")
  input.focus()
}

export function accept(form, input) {
  find(".field-error", form).textContent = ""
  input.removeAttribute("aria-invalid")
}
