"""What each instrument of DNS shows of a record that is empty: most of them nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epicenter.synthetic.world.history import History, Lookups, Probe
from tests.simulated import simulated

from .dialects import Told, rich_history
from .toy_history import DATABASE, OUTAGE, toy_history

HISTORY = toy_history()
BEFORE = slice(0, OUTAGE.start)


def looked_up(history: History = HISTORY, *, empty: bool | None = None, name: str = DATABASE) -> np.ndarray:
    chosen = [one.count for one in history.lookups if one.name == name and (empty is None or one.empty == empty)]
    return np.sum(chosen, axis=0)


def test_coredns_counts_an_empty_answer_as_a_success() -> None:
    told = Told(HISTORY, "coredns")
    zone = {"zone": "us-east-1.amazonaws.com."}
    answered = told.grew("coredns_dns_responses_total", OUTAGE, **zone, rcode="NOERROR")
    assert answered == pytest.approx(looked_up()[OUTAGE].sum(), abs=3)
    codes = {series.labels["rcode"] for series in told.families["coredns_dns_responses_total"].series}
    assert codes == {"NOERROR", "NXDOMAIN", "SERVFAIL"}
    per_tick = [
        told.grew("coredns_dns_responses_total", ticks, rcode="SERVFAIL") / (ticks.stop - ticks.start)
        for ticks in (BEFORE, OUTAGE)
    ]
    assert per_tick[0] == pytest.approx(per_tick[1], abs=0.05)


def test_coredns_is_per_pod_and_its_answers_are_its_questions_but_for_those_unanswered() -> None:
    told = Told(rich_history(), "coredns")
    pods = {series.labels["pod"] for series in told.families["coredns_dns_requests_total"].series}
    assert len(pods) == 2
    asked, answered = told.total("coredns_dns_requests_total"), told.total("coredns_dns_responses_total")
    unanswered = sum(one.count.sum() for one in rich_history().lookups if one.rcode == "")
    assert asked[-1] - answered[-1] == pytest.approx(unanswered, abs=6)
    timed = told.total("coredns_dns_request_duration_seconds_count")
    assert timed[-1] == pytest.approx(asked[-1], abs=10)


def test_coredns_answers_from_its_cache_what_it_has_forwarded_lately() -> None:
    told = Told(HISTORY, "coredns")
    hits, misses = told.total("coredns_cache_hits_total"), told.total("coredns_cache_misses_total")
    np.testing.assert_allclose(hits + misses, told.total("coredns_cache_requests_total"), atol=10)
    np.testing.assert_allclose(told.total("coredns_forward_requests_total"), misses, atol=2)
    denied = told.grew("coredns_cache_hits_total", OUTAGE, type="denial")
    assert denied > 0.9 * looked_up(empty=True)[OUTAGE].sum()  # one question in 30 s goes on to the next resolver


def test_of_what_coredns_forwards_no_more_fails_than_of_what_it_is_asked() -> None:
    shares = {"NOERROR": 998.0, "SERVFAIL": 2.0}
    flat = np.ones(HISTORY.ticks)
    lookups = tuple(Lookups("a", ".", "", "A", rcode, False, share * flat) for rcode, share in shares.items())
    told = Told(replace(HISTORY, lookups=lookups), "coredns")
    forwarded = {rcode: told.total("coredns_forward_responses_total", rcode=rcode)[-1] for rcode in shares}
    assert forwarded["SERVFAIL"] / forwarded["NOERROR"] == pytest.approx(2.0 / 998.0, rel=0.1)


def test_coredns_reports_a_next_resolver_that_does_not_answer() -> None:
    lookups = tuple(replace(one, rcode="SERVFAIL", empty=False) for one in HISTORY.lookups)
    broken = Told(replace(HISTORY, lookups=lookups), "coredns")
    healthy = Told(HISTORY, "coredns")
    for name in ("coredns_forward_healthcheck_failures_total", "coredns_forward_healthcheck_broken_total"):
        assert healthy.total(name)[-1] == 0
        assert broken.total(name)[-1] > 0
    slow = "coredns_dns_request_duration_seconds_bucket"
    assert broken.total(slow, le="4.096")[-1] < 0.1 * broken.total(slow, le="+Inf")[-1]
    assert healthy.total(slow, le="4.096")[-1] > 0.95 * healthy.total(slow, le="+Inf")[-1]


def test_hubble_shows_the_empty_answers() -> None:
    told = Told(HISTORY, "hubble")
    name = {"query": f"{DATABASE}.", "rcode": "No Error"}
    empty = told.total("hubble_dns_responses_total", **name, ips_returned="0")
    assert empty[OUTAGE.start] == 0
    assert empty[OUTAGE.stop] == pytest.approx(looked_up(empty=True).sum(), abs=2)
    full = told.grew("hubble_dns_responses_total", BEFORE, **name, ips_returned="8")
    assert full == pytest.approx(looked_up(empty=False)[BEFORE].sum(), abs=2)
    assert told.total("hubble_dns_responses_total", rcode="Non-Existent Domain")[-1] > 0


def test_unbound_counts_empty_answers_beside_the_successes() -> None:
    told = Told(HISTORY, "unbound")
    nodata = told.grew("unbound_answer_rcodes_total", OUTAGE, rcode="nodata")
    every_day = sum(one.count[OUTAGE].sum() for one in HISTORY.lookups if one.empty and one.name == "")
    assert nodata == pytest.approx(looked_up(empty=True)[OUTAGE].sum() + every_day, abs=3)
    assert nodata < told.grew("unbound_answer_rcodes_total", OUTAGE, rcode="NOERROR")


def test_coroot_says_ok_to_an_empty_answer_and_not_to_a_missing_name() -> None:
    def asked(failure: str, status: str) -> float:
        told = Told(toy_history(failure=failure), "coroot")
        pod = {"domain": DATABASE, "container_id": "/k8s/default/checkout/checkout"}
        found = told.each("container_dns_requests_total", **pod, status=status)
        return float(sum(np.nanmax(one) for one in found))

    failures = HISTORY.failures[:, 1].sum()
    assert asked("dns_nodata", "ok") == pytest.approx(asked("dns_nxdomain", "ok") + failures, abs=5)
    assert asked("dns_nxdomain", "nxdomain") == pytest.approx(failures, abs=3)
    assert asked("dns_timeout", "ok") < 0.01 * failures


def test_blackbox_gets_a_valid_reply_without_addresses() -> None:
    told = Told(HISTORY, "blackbox")
    asked = {"instance": DATABASE, "query_type": "A", "city": "ashburn"}
    (answers,), (valid,), (authority,) = (
        told.each(f"probe_dns_{name}", **asked) for name in ("answer_rrs", "query_succeeded", "authority_rrs")
    )
    assert answers[OUTAGE.start] == 8
    assert (answers[OUTAGE.start + 1 : OUTAGE.stop + 1] == 0).all()
    assert (valid == 1).all()
    np.testing.assert_array_equal(authority, answers == 0)


@pytest.mark.parametrize("scenario", ["retries-without-storm", "bgp-withdrawal"])
def test_blackbox_s_query_succeeds_with_any_reply_whatever_its_code(scenario: str) -> None:
    """Of a name that is gone, and of one whose servers fail: the probe fails, since the code is checked later."""
    told = Told(simulated(scenario), "blackbox")
    assert any((probe == 0).any() for probe in told.each("probe_success", module="dns"))
    for probe in told.each("probe_dns_query_succeeded"):
        assert (probe == 1).all()


def test_blackbox_waits_for_a_reply_that_does_not_come() -> None:
    ticks = HISTORY.ticks
    silent = Probe("dns", DATABASE, "ashburn", "A", np.zeros(ticks), np.full(ticks, np.nan))
    told = Told(replace(HISTORY, probes=(silent,)), "blackbox")
    assert (told.total("probe_success") == 0).all()
    assert (told.total("probe_dns_query_succeeded") == 0).all()
    assert (told.total("probe_dns_answer_rrs") == 0).all()
    assert (told.total("probe_duration_seconds") > 9).all()


def test_blackbox_tells_a_front_s_status_and_how_long_it_took() -> None:
    told = Told(HISTORY, "blackbox")
    (status,) = told.each("probe_http_status_code", city="ashburn")
    assert status[50] == 200
    assert status[120] == 500
    own = replace(HISTORY, own_failed=HISTORY.failed)
    assert Told(own, "blackbox").each("probe_http_status_code", city="ashburn")[0][120] == 503
    (whole,) = told.each("probe_duration_seconds", city="ashburn", module="http_2xx")
    phases = told.total("probe_http_duration_seconds", city="ashburn")
    np.testing.assert_allclose(whole, phases)
    slow = replace(HISTORY, latency_s=HISTORY.latency_s + 2.0)
    assert Told(slow, "blackbox").each("probe_duration_seconds", city="ashburn", module="http_2xx")[0][50] > 2.0
