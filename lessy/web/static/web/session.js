// The token of whoever is logged in: for the API in the browser's storage, for the cable in a cookie, which is
// all that a browser sends with a websocket's handshake.

const KEY = "authentication_token"

export function currentToken() {
  return localStorage.getItem(KEY)
}

export function keepToken(token) {
  localStorage.setItem(KEY, token)
  setCookie(token)
}

/** Another window may have logged in since: its token stays. */
export function forgetToken(token) {
  if (currentToken() !== token) return
  localStorage.removeItem(KEY)
  setCookie("", "; Max-Age=0")
}

/** Calls back when another window of this browser logs in or signs out. */
export function onTokenChange(callback) {
  addEventListener("storage", (event) => {
    if (event.key === KEY || event.key === null) callback()
  })
}

export function setCookie(token, more = "") {
  const secure = location.protocol === "https:" ? "; Secure" : ""
  document.cookie = `Authorization=${token}; path=/; SameSite=Strict${secure}${more}`
}
