import { Api } from "./api.js"
import { find } from "./dom.js"
import { listenToMenus } from "./menus.js"
import { currentToken, forgetToken, keepToken, onTokenChange, setCookie } from "./session.js"
import { complain } from "./views/messages.js"
import { LoginView } from "./views/login.js"
import { listenToTheme } from "./views/theme.js"
import { Workspace } from "./workspace.js"

const REASON = "goodbye"

const login = new LoginView(find("#login"), async (username, password) => {
  const { meta } = await new Api(null).logIn(username, password)
  keepToken(meta.token)
  await enter()
})

/** Leaves by loading the page again: what was on the screen and in memory is gone for certain. */
function leave(token, reason = "") {
  forgetToken(token)
  // With a token of another window this one is logged in again.
  if (!currentToken()) sessionStorage.setItem(REASON, reason)
  location.reload()
}

const ended = (token) => leave(token, "Your session has ended. Log in again.")

async function enter() {
  const token = currentToken()
  setCookie(token)
  const api = new Api(token, () => ended(token))
  const me = await api.me()
  login.hide()
  find("#username").textContent = me.attributes.username
  document.querySelectorAll("[data-signed-in]").forEach((element) => (element.hidden = false))
  const workspace = new Workspace(api)
  find("#sign-out").addEventListener("click", () => signOut(api, workspace))
  workspace.cable.addEventListener("state", () => checkRefusal(api, workspace.cable))
  await workspace.start(find("[name=protocol]:checked").value).catch(complain)
}

/** The server closed for good. Where it does not say why, the API knows whether the token has ended. */
function checkRefusal(api, { state, reason }) {
  if (state !== "closed") return
  if (reason === "unauthorized") ended(api.token)
  else api.me().catch((error) => error.status === 401 || complain(error))
}

async function signOut(api, { actions, cable }) {
  await actions.settle()
  // Or the server would close it, now that its token has ended.
  cable.close()
  try {
    await api.signOut()
    leave(api.token)
  } catch (error) {
    // A token that is no longer valid has said so already.
    if (error.status !== 401) complain(error)
  }
}

onTokenChange(() => location.reload())
listenToTheme()
listenToMenus()
if (currentToken()) {
  enter().catch((error) => error.status === 401 || complain(error))
} else {
  login.show(sessionStorage.getItem(REASON) ?? "")
  sessionStorage.removeItem(REASON)
}
