// The few things that every view does to the document.

import { closeMenu } from "./menus.js"

export const find = (selector, root = document) => root.querySelector(selector)

/** A copy of <template id="name">'s one element. */
export function clone(name) {
  return document.getElementById(name).content.firstElementChild.cloneNode(true)
}

/** Writes only what differs, so that a reader's cursor and a screen reader's place stay. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** Of a row. A long one is clamped to a few lines: pointed at, it shows whole. */
export function setName(row, text) {
  const label = find("[data-field=label]", row)
  setText(label, text)
  if (label.title !== text) label.title = text
}

/**
 * Makes the children of list the elements of these items, in their order; an item keeps its element. Whatever has
 * the focus keeps it, and where it is gone, the row in its place has it.
 *
 * key(item): unique. create(item): a new element. update(element, item): brings it up to date.
 */
export function reconcile(list, items, { key, create, update }) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null
  const place = [...list.children].findIndex((element) => element.contains(focused))
  const old = new Map([...list.children].map((element) => [element.dataset.key, element]))
  const names = items.map((item) => String(key(item)))
  const kept = new Set(names)
  old.forEach((element, name) => kept.has(name) || element.remove())
  items.forEach((item, index) => {
    const element = old.get(names[index]) ?? create(item)
    element.dataset.key = names[index]
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null)
    update(element, item)
  })
  if (focused) keepFocus(list, focused, place)
}

/** Without it the focus would be lost: a keyboard's user would begin again at the top of the page. */
function keepFocus(list, focused, place) {
  if (focused.isConnected && focused.checkVisibility()) {
    if (document.activeElement !== focused) focused.focus()
    return
  }
  const row = list.contains(focused) ? focused.closest("[data-key]") : list.children[Math.min(place, list.children.length - 1)]
  const next = row?.querySelector("summary") ?? find("form input", list.closest("section") ?? document)
  next?.focus()
}

/**
 * Runs the handler named by data-action of the button that was pressed, with the row around it. Pressed in a menu,
 * the menu's own button has the focus afterwards.
 */
export function onAction(root, handlers) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]")
    if (!button || !root.contains(button)) return
    const menu = button.closest("details.menu")
    if (menu) closeMenu(menu)
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
