import { accept, refuse } from "./rename.js"

/**
 * A form that adds what is typed into its field. create(text) answers when the API has taken it, or throws. What is
 * typed while it answers stays; a second Enter in that time adds nothing.
 */
export function listenToAdding(form, input, create) {
  let sending = false
  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    if (sending) return
    sending = true
    const text = input.value
    try {
      await create(text)
      accept(form, input)
      if (input.value === text) input.value = ""
      if (form.contains(document.activeElement)) input.focus()
    } catch (error) {
      refuse(form, input, error)
    } finally {
      sending = false
    }
  })
}
