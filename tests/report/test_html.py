"""The page as text: self-contained, deterministic, and safe whatever telemetry says."""

import re
from dataclasses import replace as replace_frame
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import pytest
from msgspec.structs import replace

from epicenter.detectors.analysis import Analysis
from epicenter.report import html
from tests.report.example_analyses import (
    FLAGSHIP,
    GOING_ON,
    HELD,
    HOSTILE,
    INCIDENT,
    NAME,
    NOTHING,
    STRAYED,
    SUSPECTED,
    TWO,
    UNKNOWN,
    WARNED,
    analysis,
    crowded,
    flagship_windows,
)

EVERY = {
    "flagship": FLAGSHIP,
    "going on": GOING_ON,
    "held": HELD,
    "hostile": HOSTILE,
    "nothing": NOTHING,
    "unusual": STRAYED,
    "warned": WARNED,
    "suspected": SUSPECTED,
    "two": TWO,
    "unknown": UNKNOWN,
    "crowded": crowded(60),
}
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Tags, ids and links of a page; it complains about tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def links(self) -> list[str]:
        return [value.removeprefix("#") for name, value in self.attributes if name == "href" and value.startswith("#")]


@pytest.fixture(scope="module", params=EVERY.values(), ids=list(EVERY))
def page(request: pytest.FixtureRequest) -> Page:
    return Page(html.render(request.param, flagship_windows()))


def test_every_link_leads_somewhere_and_every_id_is_unique(page: Page) -> None:
    assert set(page.links()) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_it_has_one_main_heading_and_skips_no_level(page: Page) -> None:
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_it_needs_nothing_from_outside(page: Page) -> None:
    assert "script" not in page.tags
    assert "img" not in page.tags
    fetched = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "data", "action")]
    assert all(value.startswith("#") or value == "data:," for value in fetched)
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_every_table_has_a_caption_and_every_drawing_a_title(page: Page) -> None:
    assert page.tags.count("table") == page.tags.count("caption")
    assert page.tags.count("svg") == page.tags.count("desc")


def test_the_answer_comes_before_everything_else() -> None:
    text = html.render(FLAGSHIP, flagship_windows())
    body = text[text.index("<main") :]
    assert body.index("lost its DNS addresses") < body.index("97 %") < body.index("<section")


def test_the_same_analysis_gives_the_same_bytes() -> None:
    assert html.render(FLAGSHIP, flagship_windows()) == html.render(FLAGSHIP, flagship_windows())


def test_the_order_of_the_windows_rows_does_not_show() -> None:
    windows = flagship_windows()
    shuffled = replace_frame(windows, calls=windows.calls.sample(frac=1, random_state=1))
    assert html.render(FLAGSHIP, shuffled) == html.render(FLAGSHIP, windows)


def test_the_flagship_page_is_small_enough_to_attach_to_a_ticket() -> None:
    assert len(html.render(FLAGSHIP, flagship_windows()).encode()) < 300_000


def test_names_from_telemetry_stay_text_in_page_and_drawings() -> None:
    text = html.render(HOSTILE, flagship_windows())
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    drawings = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(drawings) == 3
    assert all("&lt;img src=x onerror=alert(1)&gt;" in drawing for drawing in drawings)


def test_an_unknown_cause_names_no_culprit() -> None:
    text = html.render(UNKNOWN)
    assert "the data cannot tell what broke first" in text
    assert "lost its DNS addresses" not in text
    assert "client spans would settle it" in text


def test_nothing_wrong_says_what_was_looked_at() -> None:
    text = html.render(NOTHING)
    assert "<h1>No incident</h1>" in text
    assert "1,204,311 spans" in text


def test_what_is_too_little_for_an_incident_stands_on_the_page_as_text() -> None:
    text = html.render(STRAYED)
    assert "<h1>No incident</h1>" in text
    assert "<li>search accounts for 2.4 s of changed time.</li>" in text


def test_what_may_come_before_harm_stands_on_the_page_with_its_query() -> None:
    text = html.render(WARNED)
    assert "nothing that users met stands out" in text
    assert "over generation 145 of writer-a (since 2025-10-20 06:48:00Z)." in text
    assert "select 2" in text


def test_what_retries_did_not_do_stands_with_its_evidence() -> None:
    assert "Retries that kept nothing going" in html.render(HELD)
    assert "Retries that kept nothing going" not in html.render(FLAGSHIP)


def test_evidence_of_two_incidents_keeps_apart() -> None:
    ids = Page(html.render(TWO)).ids
    assert "e1" in ids
    assert "i2-e1" in ids


def test_each_other_candidate_says_why_it_is_not_first() -> None:
    text = html.render(FLAGSHIP)
    assert "Its health-check flapping began +5 h 42 min and keeps the outage going; it did not start it." in text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ec2-api", "It failed +10 min, because of ec2-dwfm."),
        ("pricing", "The evidence for it is weaker: 20 % against 97 %."),
    ],
)
def test_why_a_candidate_is_not_first_comes_from_the_analysis(name: str, says: str) -> None:
    other = replace(INCIDENT.candidates[1], component=name, service=name, score=0.2)
    text = html.render(analysis(replace(INCIDENT, candidates=(INCIDENT.candidates[0], other))))
    assert says in text


def test_skipped_files_and_blind_spots_are_listed() -> None:
    text = html.render(FLAGSHIP)
    assert "spans-0007.parquet: not a Parquet file" in text
    assert "only the internet&#39;s view is known" in text


def test_an_analysis_with_nothing_in_its_lists_still_makes_a_page() -> None:
    bare = replace(INCIDENT, candidates=(), cascade=(), sustaining=(), phases=(), evidence=(), updates=())
    bare = replace(bare, trigger=replace(bare.trigger, evidence=()), ended_at=None)
    assert NAME in html.render(analysis(bare))


def test_evidence_that_the_analysis_does_not_hold_is_not_linked_to() -> None:
    lost = replace(INCIDENT, evidence=INCIDENT.evidence[:2])
    page = Page(html.render(analysis(lost)))
    assert set(page.links()) <= set(page.ids)


def test_a_whole_round_trip_through_json_renders_the_same() -> None:
    again = msgspec.json.decode(msgspec.json.encode(FLAGSHIP), type=Analysis)
    assert html.render(again) == html.render(FLAGSHIP)
