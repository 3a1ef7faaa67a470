// What axe-core finds wrong with the elements that the theme makes in the browser.

const cures = {
  ".md-search[role=dialog]": ["aria-label", "Search"],
  // Each copy button has one: a page of code would have dozens of landmarks without a name.
  "nav.md-code__nav": ["role", "none"],
  // A wide table is scrolled by the keyboard too.
  ".md-typeset__scrollwrap": ["tabindex", "0"],
};

function cure() {
  for (const [selector, [name, value]] of Object.entries(cures)) {
    for (const found of document.querySelectorAll(`${selector}:not([${name}="${value}"])`)) found.setAttribute(name, value);
  }
}

cure();
new MutationObserver(cure).observe(document.body, { childList: true, subtree: true });
