"""What names that fail together end in may be the zone whose servers fail them, or no zone at all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.detectors.frames import Row
from tests.detectors.resolvers import (
    NAMES,
    WAITED,
    ZONE,
    codes,
    estate,
    explained,
    of_zone,
    well,
)


def outside(rows: Iterable[Row], names: Iterable[str]) -> list[Row]:
    """The same calls where nobody of the estate answers by these names."""
    names = set(names)
    return [{**row, "server": ""} if row["peer"] in names else row for row in rows]


@pytest.mark.parametrize(
    ("signals", "told"), [([], "svc.lan"), (of_zone("svc.lan"), "svc.lan"), ([*codes("ns1"), *well("ns2")], "svc.lan")]
)
def test_names_of_one_zone_fail_by_its_servers_while_others_resolve(signals: list[Row], told: str) -> None:
    incident = explained(estate(ZONE, (*ZONE, *NAMES[:3])), signals)
    assert (incident.trigger.component, incident.trigger.kind) == (told, "dns.servfail")
    assert (incident.dns.role, incident.dns.names) == ("root", ZONE)


@pytest.mark.parametrize(
    ("names", "signals", "told"),
    [
        (("pay.bank.example", "find.post.example"), [], "the resolver"),
        (("bank.example", "post.example"), [], "the resolver"),
        (("pay.bank.co.example", "find.post.co.example"), [], "the resolver"),
        (("pay.bank.example", "find.bank.example"), [], "bank.example"),
        (("pay.a.bank.example", "find.b.bank.example"), of_zone("bank.example"), "bank.example"),
    ],
    ids=["two owners", "two owners by their zones", "a suffix of two labels", "one owner", "resolvers count the zone"],
)
def test_what_names_of_several_owners_end_in_is_no_zone(names: tuple[str, ...], signals: list[Row], told: str) -> None:
    others = ("cart.internal", "stock.internal")
    incident = explained(outside(estate(names, (*names, *others)), names), signals)
    assert incident.trigger.component == told


def test_hosts_of_one_label_that_two_own_are_two_owners() -> None:
    names = ("api.bank.example", "api.post.test")
    incident = explained(outside(estate(names, names, waited=WAITED), names))
    assert incident.trigger.component == "the resolver"
