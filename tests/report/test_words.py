"""The words that terminal and page share."""

import typing

import pytest

from epicenter.detectors.analysis import BlindSpot, DnsFailure, Kind, SustainingKind
from epicenter.report import sentences, words


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (100, "1 min 40 s"),
        (3599, "1 h"),
        (3600, "1 h"),
        (9420, "2 h 37 min"),
        (86399, "1 d"),
        (100_800, "1 d 4 h"),
    ],
)
def test_a_length_of_time_is_said_in_two_units(seconds: float, says: str) -> None:
    assert words.span(seconds) == says


def test_an_offset_has_its_sign() -> None:
    assert words.offset(180) == "+3 min"
    assert words.offset(-180) == "-3 min"
    assert words.compact(26_160) == "+7h16m"


def test_only_certainty_reads_as_100_percent() -> None:
    assert words.percent(0.999) == "99 %"
    assert words.percent(1.0) == "100 %"
    assert words.percent(0.29) == "29 %"


def test_numbers_keep_what_matters() -> None:
    assert [words.number(n) for n in (0.0, 0.0684, 21.44, 1140, 1_204_311.0)] == [
        "0",
        "0.0684",
        "21.4",
        "1,140",
        "1,204,311",
    ]
    assert words.number(float("nan")) == "unknown"


def test_both_ends_of_a_window_have_the_same_precision() -> None:
    assert words.times(1760942880, 1760952300) == "06:48Z - 09:25Z"
    assert words.times(1760942880, 1760952310) == "06:48:00Z - 09:25:10Z"
    assert words.times(1760942880, None) == "06:48Z - ..."


def test_a_cut_name_keeps_both_ends() -> None:
    assert words.elide("dynamodb.us-east-1.amazonaws.com", 20) == "dynamodb...onaws.com"
    assert len(words.elide("x" * 99, 20)) == 20


def test_a_blind_spot_names_its_component_once() -> None:
    assert sentences.blind(BlindSpot(component="a", statement="a is silent")) == "a is silent"
    assert sentences.blind(BlindSpot(component="a", statement="nothing")) == "a: nothing"
    assert sentences.blind(BlindSpot(component="", statement="nothing")) == "nothing"


def test_every_kind_of_the_analysis_has_its_words() -> None:
    assert set(sentences.BROKE) == set(typing.get_args(Kind))
    assert set(sentences.LOOP) == set(typing.get_args(SustainingKind))
    assert set(sentences.FAILURE) == set(typing.get_args(DnsFailure))
