import { find } from "../dom.js"
import { sentenceFor } from "../wording.js"

/** logIn(username, password) answers when it is done, or throws. */
export class LoginView {
  constructor(root, logIn) {
    this.root = root
    this.logIn = logIn
    this.form = find("form", root)
    this.error = find(".form-error", root)
    this.form.addEventListener("submit", (event) => {
      event.preventDefault()
      const { username, password } = this.form.elements
      this.#try(username.value, password.value)
    })
    find("#demo-login", root)?.addEventListener("click", ({ currentTarget: { dataset } }) =>
      this.#try(dataset.username, dataset.password),
    )
  }

  /** reason: a sentence on why one is here again, if there is one. */
  show(reason = "") {
    this.root.hidden = false
    this.error.textContent = reason
    this.form.reset()
  }

  hide() {
    this.root.hidden = true
  }

  async #try(username, password) {
    this.#busy(true)
    this.error.textContent = ""
    try {
      await this.logIn(username, password)
    } catch (error) {
      this.error.textContent = sentenceFor(error)
      this.form.elements.password.select()
    } finally {
      this.#busy(false)
    }
  }

  #busy(whether) {
    this.root.querySelectorAll("button").forEach((button) => (button.disabled = whether))
  }
}
