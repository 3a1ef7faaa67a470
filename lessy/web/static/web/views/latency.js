import { find, setText } from "../dom.js"

const SVG = "http://www.w3.org/2000/svg"
const HEIGHT = 40
const BAR = 4

const milliseconds = (number) => (number === undefined ? "–" : `${number < 10 ? number.toFixed(1) : Math.round(number)} ms`)

/** The figures, and a bar for each of the last changes. */
export class LatencyView {
  constructor(root, latency) {
    this.root = root
    this.latency = latency
    this.chart = find("svg", root)
    latency.addEventListener("change", () => this.render())
    this.render()
  }

  render() {
    const { last, samples } = this.latency
    this.#write("last", milliseconds(last?.total))
    this.#write("median", milliseconds(this.latency.quantile(0.5)))
    this.#write("p95", milliseconds(this.latency.quantile(0.95)))
    this.#write("count", String(samples.length))
    const parts = last && [last.push, last.read, last.paint].map(milliseconds)
    this.#write("parts", parts ? `${parts[0]} to the frame, ${parts[1]} to read the row, ${parts[2]} to paint` : "Change something, and see.")
    this.#draw(samples)
  }

  #write(name, text) {
    setText(find(`[data-latency=${name}]`, this.root), text)
  }

  #draw(samples) {
    const most = Math.max(20, ...samples.map((sample) => sample.total))
    const bars = samples.map(({ total }, index) => {
      const height = Math.max(1, (Math.max(0, total) / most) * HEIGHT)
      const bar = document.createElementNS(SVG, "rect")
      const place = { x: index * BAR, y: HEIGHT - height, width: BAR - 1, height }
      Object.entries(place).forEach(([name, value]) => bar.setAttribute(name, value))
      return bar
    })
    this.chart.replaceChildren(...bars)
  }
}
