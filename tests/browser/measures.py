"""What is measured inside a page, as JavaScript that the browser runs."""

# Texts whose contrast with their ground is below WCAG 2.2 AA: 4.5, or 3 for large text.
LOW_CONTRAST = """
() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const over = (top, ground) => {
    const alpha = top[3] === undefined ? 1 : top[3];
    return [0, 1, 2].map((i) => top[i] * alpha + ground[i] * (1 - alpha));
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      layers.unshift(channels(getComputedStyle(one).backgroundColor));
    }
    return layers.reduce((ground, layer) => over(layer, ground), [255, 255, 255]);
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest(".hidden, option, datalist, svg")) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const [a, b] = [luminance(over(channels(style.color), ground)), luminance(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const text = element.textContent.trim().slice(0, 40);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${element.className} ${text}`);
  }
  return found;
}
"""

# How far the page can be scrolled sideways, in pixels.
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

# What a person can operate and see, as text that tells one from another.
OPERABLE = """
() => [...document.querySelectorAll("a[href], button, input, select, summary")]
  .filter((element) => element.checkVisibility() && !element.disabled)
  .map((element) => { element.dataset.operable = ""; return element.outerHTML.slice(0, 120); })
"""

# The element that has the focus: whether it counts as operable, and whether its focus can be seen.
FOCUSED = """
() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  return {
    html: element.outerHTML.slice(0, 120),
    operable: "operable" in element.dataset,
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}
"""

# Operable elements without a name that a screen reader could say.
NAMELESS = """
() => [...document.querySelectorAll("a[href], button, input, select, summary")]
  .filter((element) => !(element.ariaLabel || element.textContent.trim() || element.labels?.length))
  .map((element) => element.outerHTML.slice(0, 120))
"""
