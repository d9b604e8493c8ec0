"""A real browser, and what is measured in it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.programs import require

CONTRASTS = """() => {
  const rgb = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const under = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
  };
  const fill = element => rgb(getComputedStyle(element).fill);
  const words = [...document.querySelectorAll('body *:not(svg *)')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.offsetParent)
    .map(e => [e.textContent.trim(), ratio(rgb(getComputedStyle(e).color), under(e))]);
  const drawn = [...document.querySelectorAll('svg text')].map(t => {
    const box = t.closest('.box');
    return [t.textContent, ratio(fill(t), box ? fill(box.querySelector('rect')) : under(t))];
  });
  const tints = [...document.querySelectorAll('rect.bar')].map(bar => [
    'a label on a bar', ratio(fill(document.querySelector('text.when')), fill(bar))]);
  return [...words, ...drawn, ...tints];
}"""
"""Every visible text with its contrast by WCAG 2.2 (relative luminance) against what it stands on."""


@contextmanager
def chromium() -> Generator[Browser]:
    """The system's Chromium until the block ends; it runs an event loop, so no other may be run meanwhile."""
    program = require("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
