// Menus: <details class="menu"> with a <summary> and buttons in .items. The arrow keys, Home and End go through them.

const OPEN = "details.menu[open]"

/** Where the focus is inside, the menu's button gets it. */
export function closeMenu(menu) {
  const within = menu.contains(document.activeElement)
  menu.removeAttribute("open")
  if (within) menu.querySelector("summary").focus()
}

export function listenToMenus() {
  document.addEventListener("click", ({ target }) => closeOthers(target))
  document.addEventListener("focusin", ({ target }) => closeOthers(target))
  document.addEventListener("keydown", press)
}

function closeOthers(target) {
  for (const menu of document.querySelectorAll(OPEN)) {
    if (!menu.contains(target)) menu.removeAttribute("open")
  }
}

function press(event) {
  const menu = event.target.closest?.("details.menu")
  if (!menu) return
  if (event.key === "Escape" && menu.open) closeMenu(menu)
  else if (!go(menu, event.key)) return
  event.preventDefault()
}

/** Answers whether the key was one of ours. */
function go(menu, key) {
  const target = { ArrowDown: 1, ArrowUp: -1, Home: "first", End: "last" }[key]
  const onSummary = document.activeElement === menu.querySelector("summary")
  if (!target || (typeof target === "string" && !menu.open)) return false
  menu.open = true
  const items = [...menu.querySelectorAll(".items button")].filter((button) => button.checkVisibility())
  const from = onSummary ? (target === 1 ? -1 : 0) : items.indexOf(document.activeElement)
  const index = { first: 0, last: items.length - 1 }[target] ?? (from + target + items.length) % items.length
  items[index]?.focus()
  return true
}
