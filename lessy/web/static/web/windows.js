/**
 * The other windows of this browser. What the cable does not announce, one tells the others.
 *
 * changed(): one of them did so.
 */
export class OtherWindows {
  #channel = new BroadcastChannel("lessy")

  constructor(changed) {
    this.#channel.addEventListener("message", changed)
  }

  tell() {
    this.#channel.postMessage("changed")
  }
}
