// The few things that every view does to the document.

export const find = (selector, root = document) => root.querySelector(selector)

/** A copy of <template id="name">'s one element. */
export function clone(name) {
  return document.getElementById(name).content.firstElementChild.cloneNode(true)
}

/** Writes only what differs, so that a reader's cursor and a screen reader's place stay. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * Makes the children of list the elements of these items, in their order; an item keeps its element. Whatever has
 * the focus keeps it.
 *
 * key(item): unique. create(item): a new element. update(element, item): brings it up to date.
 */
export function reconcile(list, items, { key, create, update }) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null
  const old = new Map([...list.children].map((element) => [element.dataset.key, element]))
  items.forEach((item, index) => {
    const name = String(key(item))
    const element = old.get(name) ?? create(item)
    element.dataset.key = name
    old.delete(name)
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null)
    update(element, item)
  })
  old.forEach((element) => element.remove())
  if (focused?.isConnected && document.activeElement !== focused) focused.focus()
}

/** Runs the handler named by data-action of the button that was pressed, with the row around it. */
export function onAction(root, handlers) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]")
    if (!button || !root.contains(button)) return
    button.closest("details.menu")?.removeAttribute("open")
    handlers[button.dataset.action]?.(button.closest("[data-key]"), button)
  })
}

/** Marks a row whose version is another than the one it was shown with: the style sheet lets it light up. */
export function freshen(row, version) {
  const changed = row.dataset.version !== version && row.dataset.version !== undefined
  row.dataset.version = version
  if (!changed) return
  row.classList.remove("fresh")
  requestAnimationFrame(() => row.classList.add("fresh"))
}

/** A menu closes with Escape, and when one presses elsewhere. */
export function listenToMenus() {
  const close = (menu) => menu.removeAttribute("open")
  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(target)) close(menu)
    }
  })
  document.addEventListener("keydown", ({ key, target }) => {
    const menu = key === "Escape" && target.closest("details.menu[open]")
    if (!menu) return
    close(menu)
    find("summary", menu).focus()
  })
}

/** Where clipboards need a secure page and this is none, the old way. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement("textarea")
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand("copy")
  area.remove()
}
