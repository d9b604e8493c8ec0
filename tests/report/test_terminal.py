"""What an on-call engineer reads in a terminal, a pipe or a ticket."""

import io
import re

import pytest
from msgspec.structs import replace
from rich.console import Console

from epicenter.detectors.analysis import Analysis, BlindSpot
from epicenter.report import terminal
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
)


def shown(result: Analysis, *, width: int = 80, colour: bool = False, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    system = "standard" if colour else None
    terminal.render(result, Console(file=stream, width=width, force_terminal=colour, color_system=system))
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_the_first_line_says_what_broke_since_when_and_how_sure() -> None:
    first = shown(FLAGSHIP).splitlines()[0]
    assert first == f"{NAME} lost its DNS addresses at 06:48Z (97 % sure)."


def test_the_flagship_fits_on_two_screens_of_80_columns() -> None:
    lines = shown(FLAGSHIP).splitlines()
    assert len(lines) <= 70
    assert max(map(len, lines)) <= 80
    assert not any(line != line.rstrip() for line in lines)


def test_symptoms_hang_below_their_reason_with_their_times() -> None:
    lines = shown(FLAGSHIP).splitlines()
    manager = next(n for n, line in enumerate(lines) if "network-manager  " in line and "─" in line)
    assert "+5 h 40 min" in lines[manager]
    assert "+10 h 48 min" in lines[manager]
    assert lines[manager + 1].index("nlb") > lines[manager].index("network-manager")


def test_a_component_that_failed_twice_stands_below_both_reasons() -> None:
    lines = [line for line in shown(FLAGSHIP).splitlines() if "─ sts " in line]
    assert len(lines) == 2
    assert "+3 min" in " ".join(lines)
    assert "+8 h 43 min" in " ".join(lines)


def test_what_kept_it_going_is_told_apart_from_what_broke() -> None:
    text = shown(FLAGSHIP)
    assert "What kept it going" in text
    assert "lease collapse in ec2-dwfm" in text
    assert "21.4x work, 93 % wasted" in text


def test_a_repaired_trigger_with_a_running_loop_says_what_keeps_it_down() -> None:
    text = " ".join(shown(GOING_ON).split())
    assert "Still going on, although what broke first was repaired at 2025-10-20 09:25:00Z" in text
    assert "the lease collapse in ec2-dwfm keeps it going" in text
    assert "not yet" in text


def test_nothing_wrong_is_one_sentence_with_what_was_looked_at() -> None:
    text = " ".join(shown(NOTHING).split())
    assert text == (
        "No incident: nothing stands out from 2025-10-20 06:00:00Z to 2025-10-20 21:30:00Z"
        " (1,204,311 spans, 388,020 samples, 1,962 changes from 19 services looked at)."
    )


def test_what_is_too_little_for_an_incident_is_said_below_that_there_is_none() -> None:
    text = " ".join(shown(STRAYED).split())
    assert text.startswith("No incident")
    assert "too little for users to notice - search accounts for 2.4 s of changed time." in text


def test_what_may_come_before_harm_is_said_before_what_the_data_could_not_show() -> None:
    text = " ".join(shown(WARNED).split())
    assert text.startswith("No incident: nothing that users met stands out")
    assert "writer-c put generation 111 back on api.example" in text
    assert "(since 2025-10-20 06:48:00Z)." in text


def test_what_retries_did_not_do_is_said_after_the_loops() -> None:
    text = " ".join(shown(HELD).split())
    assert f"Retries that kept nothing going {INCIDENT.evidence[-1].statement[:20]}" in text


def test_samples_that_nobody_could_read_were_not_looked_at() -> None:
    only = replace(NOTHING.recording, spans=0, changes=0, services=0, samples=5, samples_unknown=5)
    text = " ".join(shown(replace(NOTHING, recording=only)).split())
    assert text.endswith("(nothing looked at; 5 samples of unknown names not).")
    some = replace(only, samples_unknown=2)
    assert "(3 samples looked at; 2 samples of unknown names not)." in shown(replace(NOTHING, recording=some))


def test_an_unknown_cause_is_said_with_what_would_settle_it_and_no_culprit() -> None:
    text = " ".join(shown(UNKNOWN).split())
    assert text.startswith("Users met failures, but the data cannot tell what broke first")
    assert "What would settle it - checkout: Its calls are not recorded; client spans would settle it." in text
    assert "lost its DNS addresses" not in text


def test_a_change_that_no_user_met_is_not_called_failures() -> None:
    (incident,) = UNKNOWN.incidents
    text = " ".join(shown(replace(UNKNOWN, incidents=(replace(incident, impact=0.0),))).split())
    assert text.startswith("Something changed, but the data cannot tell what broke first")
    assert "No request of users is known to have failed" in text


def test_each_kind_of_evidence_speaks_before_one_kind_repeats_itself() -> None:
    (incident,) = FLAGSHIP.incidents
    by_kind = sorted(incident.evidence, key=lambda item: item.detector != "record_race")
    trigger = replace(incident.trigger, evidence=tuple(item.id for item in by_kind))
    shown_first = terminal.strongest(replace(incident, trigger=trigger), 2)
    assert [item.detector for item in by_kind[:2]] == ["record_race", "record_race"]
    assert [item.detector for item in shown_first] == ["record_race", by_kind[3].detector]


def test_a_suspect_is_called_a_lead_and_never_the_cause() -> None:
    text = " ".join(shown(SUSPECTED).split())
    assert f"The strongest lead is {NAME} (dns.empty_record), but it is only 31 % sure." in text
    assert f"What failed, read as if {NAME} had broken first" in text
    assert "DNS is among the suspects." in text
    assert "DNS is the cause" not in text
    assert "Only symptoms" not in text
    assert "repaired" not in text


def test_each_incident_is_numbered_when_there_are_several() -> None:
    text = shown(TWO)
    assert text.index("Incident 1 of 2") < text.index("Incident 2 of 2") < text.index("pricing broke with a release")


def test_a_crowd_is_counted_instead_of_listed() -> None:
    text = shown(crowded(60))
    assert "... and 36 more" in text
    assert max(map(len, text.splitlines())) <= 80


def test_names_from_telemetry_cannot_drive_the_terminal() -> None:
    text = shown(HOSTILE)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<img src=x" in text


def test_markup_in_a_name_is_shown_as_text() -> None:
    text = shown(analysis(blind=(BlindSpot(component="[bold]a[/bold]", statement="[/]"),)))
    assert "[bold]a[/bold]: [/]" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_old_encoding_gets_every_line(encoding: str) -> None:
    assert len(shown(FLAGSHIP, encoding=encoding).splitlines()) == len(shown(FLAGSHIP).splitlines())


def test_without_colour_no_word_is_lost() -> None:
    coloured = shown(FLAGSHIP, colour=True)
    assert coloured != shown(FLAGSHIP)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(FLAGSHIP)


@pytest.mark.parametrize("width", [60, 120, 200])
def test_other_widths_keep_their_margins(width: int) -> None:
    lines = shown(FLAGSHIP, width=width).splitlines()
    assert max(map(len, lines)) <= width
