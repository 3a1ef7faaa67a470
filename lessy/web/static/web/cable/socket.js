/**
 * A WebSocket that tells of itself: both libraries take it in place of the browser's own, so that what the panel
 * shows is what went over the wire, whichever library speaks.
 *
 * observer: { opening(socket), opened(socket), sent(text, socket), received(text, socket), closed(code, socket) }
 */
export function observedSocket(observer) {
  return class ObservedSocket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols)
      observer.opening(this)
      this.addEventListener("open", () => observer.opened(this))
      this.addEventListener("message", (event) => observer.received(event.data, this))
      this.addEventListener("close", (event) => observer.closed(event.code, this))
    }

    send(text) {
      observer.sent(text, this)
      super.send(text)
    }
  }
}
