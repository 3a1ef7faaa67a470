import { find } from "../dom.js"

const THEMES = ["auto", "light", "dark"]

/** One button through the three: as the system has it, light, dark. theme.js applies what was chosen before. */
export function listenToTheme() {
  const button = find("#theme")
  const show = () => {
    const theme = localStorage.getItem("theme") ?? "auto"
    find(".words", button).textContent = theme[0].toUpperCase() + theme.slice(1)
    button.setAttribute("aria-label", `Colours: ${theme}. Change`)
  }
  button.addEventListener("click", () => {
    const theme = localStorage.getItem("theme") ?? "auto"
    choose(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length])
    show()
  })
  show()
}

function choose(theme) {
  if (theme === "auto") {
    localStorage.removeItem("theme")
    delete document.documentElement.dataset.theme
  } else {
    localStorage.setItem("theme", theme)
    document.documentElement.dataset.theme = theme
  }
}
