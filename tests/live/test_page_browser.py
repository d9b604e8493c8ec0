"""The live page in a real browser: what an engineer sees as an outage unfolds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from tests.browser import CONTRASTS, chromium
from tests.live.pages import Served, serving
from tests.live.snapshots import BEGUN, CALM, EARLY, GROWN, OTHER, OVER, PAST, RUNNING, STATES, at, tracked
from tests.live.watching import outage, watching
from tests.report.example_analyses import ATTACK, HOSTILE, INCIDENT, pdt
from tests.synthetic.toy_history import DATABASE


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A page that asks one server alone, and has nothing to complain of when it is closed."""
    page, asked = browser.new_page(viewport={"width": 1280, "height": 900}), set[tuple[str, str]]()
    page.on("request", lambda request: asked.add(urlsplit(request.url)[:2]))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    yield page
    page.close()
    assert complaints == []
    assert len(asked - {("data", "")}) == 1


def headline(page: Page, text: str) -> None:
    expect(page.locator("h1")).to_contain_text(text, timeout=15_000)


def test_an_outage_unfolds_without_a_reload(served: Served, page: Page) -> None:
    served.publish(CALM)
    page.goto(served.url)
    headline(page, "No incident")
    served.publish(BEGUN)
    headline(page, "lost its DNS addresses")
    steps = page.locator("table.steps tbody tr").count()
    served.publish(GROWN)
    expect(page.locator("nav.also li")).to_have_count(1)
    assert page.locator("table.steps tbody tr").count() > steps
    for seen in (
        page.locator("table.steps tr", has_text="ec2-api").get_by_text("+10 min", exact=True),
        page.locator("svg.spread .box", has_text="ec2-api").get_by_text("+10m, not back yet"),
        page.locator("figure .wide text", has_text="caches run out"),  # a phase
        page.locator("tr#e1").get_by_text(RUNNING.evidence[0].traces[0]),
    ):
        expect(seen).to_be_visible()
    expect(page).to_have_title(f"{INCIDENT.trigger.component} lost its DNS addresses - Epicenter")
    expect(page.locator("#said")).to_contain_text("keeps it going")
    expect(page.locator("#status")).to_have_text("Live: telemetry looked at up to 2025-10-20 18:00:00Z.")
    served.publish(PAST)
    headline(page, "No incident")


def test_reading_goes_on_undisturbed(served: Served, page: Page) -> None:
    served.publish(at(pdt("00:10"), tracked(EARLY), past=(OVER,)))
    page.goto(served.url)
    page.locator("#past > summary").press("Enter")
    page.locator("tr#e4 pre").focus()
    before = page.evaluate("document.activeElement.getBoundingClientRect().top")
    served.publish(at(pdt("11:00"), tracked(RUNNING), OTHER, past=(OVER,)))
    expect(page.locator("nav.also li")).to_have_count(1)
    assert page.evaluate("document.activeElement.closest('tr').id") == "e4"
    assert page.evaluate("document.getElementById('past').open")
    assert abs(page.evaluate("document.activeElement.getBoundingClientRect().top") - before) < 2


def test_only_what_changed_is_said_aloud(served: Served, page: Page) -> None:
    served.publish(BEGUN)
    page.goto(served.url)
    page.evaluate(
        """() => { window.heard = [];
          new MutationObserver(() => window.heard.push(document.getElementById('said').textContent))
            .observe(document.getElementById('said'), {childList: true, subtree: true, characterData: true}); }"""
    )
    more = replace(EARLY, cascade=RUNNING.cascade[:4])
    served.publish(at(pdt("00:11"), tracked(more)))
    expect(page.locator("table.steps tbody tr")).to_have_count(5)
    assert page.evaluate("window.heard") == []
    served.publish(GROWN)
    expect(page.locator("#said")).to_contain_text("keeps it going")
    assert page.evaluate("window.heard.length") == 1


def test_a_server_that_went_away_and_came_back_is_told_of_and_shown(page: Page, complaints: list[str]) -> None:
    with serving() as served:
        served.publish(BEGUN)
        page.goto(served.url)
        headline(page, "lost its DNS addresses")
        expect(page.locator("#status")).to_contain_text("Live")
    expect(page.locator("#status")).to_contain_text("No connection to Epicenter since", timeout=15_000)
    expect(page.locator("#said")).to_have_text("The connection to Epicenter was lost.")
    headline(page, "lost its DNS addresses")
    with serving(int(served.url.rpartition(":")[2])) as again:
        again.publish(PAST)
        headline(page, "No incident")
        expect(page.locator("#status")).to_contain_text("Live: telemetry looked at up to 2025-10-21 03:30:00Z.")
        assert "stale" not in (page.locator("body").get_attribute("class") or "")
        page.close()
    complaints.clear()  # of the browser, while nobody answered


def test_names_from_telemetry_show_as_they_are_also_in_updates(served: Served, page: Page) -> None:
    served.publish(CALM)
    page.goto(served.url)
    served.publish(at(pdt("11:00"), tracked(HOSTILE.incidents[0]), blind=HOSTILE.blind_spots))
    headline(page, ATTACK.split("\x1b")[0])
    assert page.locator("img").count() == 0
    assert "<img src=x" in page.locator("svg.spread .box .name").all_text_contents()[0]


def test_names_in_spans_show_as_they_are_from_the_port_to_the_page(page: Page, tmp_path: Path) -> None:
    attack = "<img src=x onerror=alert(1)>"
    names = (DATABASE, "dynamodb", "shop", "checkout", "DynamoDB.GetItem", "GET /buy", "POST /checkout")
    with watching(tmp_path / "data") as server:
        for signal, body in outage(tmp_path / "toy", time.time()):
            # an address cannot hold such a host, an attribute can
            text = body.decode().replace(
                f'http.url","value":{{"stringValue":"https://{DATABASE}/"',
                f'server.address","value":{{"stringValue":"{DATABASE}"',
            )
            for name in names:
                text = text.replace(f'"{name}"', f'"{attack}{name}"')
            assert server.post(signal, text.encode())[0] == 200
        found = server.incident()
        assert (found["trigger"], found["service"]) == (attack + DATABASE, f"{attack}dynamodb")
        page.goto(f"http://127.0.0.1:{server.page}")
        headline(page, f"{attack}{DATABASE} lost its DNS addresses")
        expect(page.locator("body")).to_contain_text(f"{attack}shop")
        page.goto(f"http://127.0.0.1:{server.page}/incidents/{found['incident_id']}")
        headline(page, attack)
        assert page.locator("img").count() == 0
        page.close()
        assert server.stop()[0] == 0


def test_the_keyboard_leads_to_a_past_incident(served: Served, page: Page) -> None:
    served.publish(PAST)
    page.goto(served.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.nodeName") == "SUMMARY"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents/i1")
    headline(page, "lost its DNS addresses")
    expect(page.locator(".which")).to_have_text("Past incident i1, closed at 2025-10-20 21:00:00Z")
    served.publish(at(pdt("20:31"), OTHER, past=(OVER,)))
    expect(page.locator("nav.also")).to_contain_text("Open now")
    headline(page, "lost its DNS addresses")


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_and_nothing_scrolls_sideways(
    name: str, scheme: Literal["light", "dark"], served: Served, page: Page
) -> None:
    page.emulate_media(color_scheme=scheme)
    served.publish(STATES[name])
    page.goto(served.url)
    contrasts: list[tuple[str, float]] = page.evaluate(CONTRASTS)
    assert [text for text, ratio in contrasts if ratio < 4.5] == []
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
