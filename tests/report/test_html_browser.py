"""The page in a real browser: what people see, on a screen, on a phone and on paper."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from epicenter.report import alerts_html, html
from tests.browser import CONTRASTS, chromium
from tests.report.example_analyses import (
    ATTACK,
    FLAGSHIP,
    GOING_ON,
    HOSTILE,
    NOTHING,
    SUSPECTED,
    TWO,
    UNKNOWN,
    crowded,
    flagship_windows,
)
from tests.report.example_backtests import EMPTY, REPORT

EVERY = {
    "flagship": FLAGSHIP,
    "going on": GOING_ON,
    "hostile": HOSTILE,
    "nothing": NOTHING,
    "suspected": SUSPECTED,
    "two": TWO,
    "unknown": UNKNOWN,
    "crowded": crowded(24),
}
BACKTESTS = {"backtest": REPORT, "backtest of nothing": EMPTY}
NAMES = [*EVERY, *BACKTESTS]
Scheme = Literal["light", "dark"]

OVERLAPS = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  const shown = boxes.filter(([, b]) => b.width > 0);
  return shown.flatMap(([a, p], i) => shown.slice(i + 1)
    .filter(([, q]) => Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1
                    && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 3)
    .map(([b]) => [a, b]));
})"""
"""Pairs of labels that cover each other; line boxes may touch by the 3 pixels that no letter uses."""

OUTSIDE = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(t => {
    const box = t.getBoundingClientRect();
    const inner = t.closest('.box') ? t.closest('.box').querySelector('rect').getBoundingClientRect() : frame;
    return box.width > 0 && (box.left < inner.left - 1 || box.right > inner.right + 1
                          || box.top < inner.top - 3 || box.bottom > inner.bottom + 3);
  }).map(t => t.textContent);
})"""
"""Labels that leave their drawing or their box."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    pages = {name: html.render(analysis, flagship_windows()) for name, analysis in EVERY.items()}
    pages |= {name: alerts_html.render(report) for name, report in BACKTESTS.items()}
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    yield page
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_without_complaint_network_or_dialog(name: str, page: Page, files: dict[str, Path]) -> None:
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("dialog", lambda dialog: seen.append(dialog.message))
    page.on("request", lambda request: seen.append(request.url))
    page.goto(files[name].as_uri())
    assert [text for text in seen if text != files[name].as_uri() and text != "data:,"] == []


def test_names_from_telemetry_show_as_they_are(page: Page, files: dict[str, Path]) -> None:
    page.goto(files["hostile"].as_uri())
    assert page.locator("img").count() == 0
    assert ATTACK.split("\x1b")[0] in page.locator("h1").inner_text()
    assert "<img src=x" in page.locator("svg.spread .box .name").all_text_contents()[0]


@pytest.mark.parametrize("name", NAMES)
def test_it_never_scrolls_sideways(name: str, page: Page, files: dict[str, Path]) -> None:
    page.goto(files[name].as_uri())
    for width in (1280, 720, 400, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", NAMES)
def test_no_label_covers_another_or_leaves_its_place(name: str, page: Page, files: dict[str, Path]) -> None:
    page.goto(files[name].as_uri())
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["flagship", "crowded", "nothing", "backtest"])
def test_every_text_can_be_read(name: str, scheme: Scheme, page: Page, files: dict[str, Path]) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(files[name].as_uri())
    contrasts: list[tuple[str, float]] = page.evaluate(CONTRASTS)
    assert len(contrasts) > 3
    assert [text for text, ratio in contrasts if ratio < 4.5] == []


def test_the_answer_and_why_stand_on_the_first_screen(page: Page, files: dict[str, Path]) -> None:
    page.goto(files["flagship"].as_uri())
    box = page.locator("ul.why").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 1000


def test_a_statement_leads_to_its_evidence(page: Page, files: dict[str, Path]) -> None:
    page.goto(files["flagship"].as_uri())
    page.locator("ul.why a.ref").nth(2).click()
    row = page.locator("tr:target")
    assert row.get_attribute("id") == "e3"
    box = row.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 1000


def test_one_click_selects_a_query_whole(page: Page, files: dict[str, Path]) -> None:
    page.goto(files["flagship"].as_uri())
    query = page.locator("#e3 pre")
    query.click()
    assert page.evaluate("getSelection().toString().trim()") == query.inner_text().strip()


def test_the_keyboard_reaches_the_answer_and_shows_where_it_is(page: Page, files: dict[str, Path]) -> None:
    page.goto(files["flagship"].as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_paper_gets_the_drawings_in_dark_on_white(page: Page, files: dict[str, Path]) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 680, "height": 960})  # A4 with 15 mm margins
    page.goto(files["flagship"].as_uri())
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("svg.spread").is_visible()
    assert page.locator("svg.timeline >> visible=true").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 680


def test_an_alert_s_firings_open_by_keyboard_and_all_names_show_as_they_are(page: Page, files: dict[str, Path]) -> None:
    page.goto(files["backtest"].as_uri())
    assert page.locator("table.firings >> visible=true").count() == 0
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("table.firings >> visible=true").locator("tbody tr").count() == 20
    page.keyboard.press("Tab")  # on to the table, which may have to be scrolled
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Firings of Cause"
    assert page.locator("h1").count() == 1
    assert page.locator("img").count() == 0
    assert "<img src=x" in page.locator("summary").nth(3).inner_text()
