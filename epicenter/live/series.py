"""Which series of metrics are known by name, and what they tell: of too many, the rest is told of what is known."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from ..collector.signals import TOLD, told_by_series
from .arrow import compute
from .bounds import OVERFLOW
from .config import Limits
from .facts import SEQUENCE

_TEXT = pa.dictionary(pa.int32(), pa.string())
_MEMBERS = pa.schema([("series", pa.uint64()), ("service", _TEXT), ("named", pa.bool_())])
_TOLD = pa.schema([pa.field(one.name, _TEXT if one.type == pa.string() else one.type) for one in TOLD])

_SERVICE = "coalesce(Labels['service_name'], '')"
"""Whom a series is of, where it says so: by OpenTelemetry's name. A job may hold those of a whole cluster."""
_WORD = "split_part({}, chr(9), 2)"

_FRESH = f"""
    select series, any_value(Name) as Name, any_value(Labels) as Labels, min({SEQUENCE}) as first,
        any_value(named) is not null as folded
    from numbered left join members using (series) where named is null or ({{again}} and not named) group by series"""
_PLACED = """
    with each as (
        select *, {service} as service, Labels::varchar as labels from fresh
    ), owned as (
        select *, service = '' or row_number() over (partition by service order by first, Name, labels)
            + coalesce(known, 0) <= {most_of_one} as own
        from each left join (select service, count(*) as known from members where named group by service)
        using (service)
    ), ranked as (
        select *, own and row_number() over (partition by own order by first, Name, labels) <= {room} as named
        from owned
    )
    select series, service, named, Name, Labels from ranked where named or not folded
    qualify named or row_number() over (partition by named order by first, Name, labels) <= {room_folded}"""
_AGAIN = "select bool_or(folded), bool_or(folded and series in (select series from placed)) from fresh"
_FOLDED = f"""
    with known as (
        select distinct component, concept, item from known_told
    ), owners as (
        select distinct component as owner from known
    ), words as (
        select distinct concept as about, {_WORD.format("item")} as word from known where contains(item, chr(9))
    )
    select series, coalesce(owner, '{OVERFLOW}') as component, told.concept,
        case when known.item is not null or told.item = '' then told.item
            when contains(told.item, chr(9)) then '{OVERFLOW}' || chr(9) || coalesce(word, '')
            else '{OVERFLOW}' end as item, told_by, counter, adds, scale
    from unnamed_told told left join owners on owner = told.component
    left join known on known.component = told.component and known.concept = told.concept and known.item = told.item
    left join words on about = told.concept and word = {_WORD.format("told.item")}"""
"""Whom and what series that are known by name tell of is known. The second part of an item is one of few words, how a
call ended, and decides whether it failed."""


class Series:
    """What each series tells, by its number.

    limits: of more series, in all or of one service, those that came last are folded: what they tell is told of what
    is known already, or of `__overflow__`. A counter's rise needs its last value, so that they are known by number, and
    of more than `folded_series` the last are left out.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._members, self._told = _MEMBERS.empty_table(), _TOLD.empty_table()
        self._room = False  # since some that were known by name went, and until none of the folded ones takes it

    @property
    def told(self) -> pa.Table:
        """What they tell, of schema TOLD."""
        return self._told.cast(TOLD)

    @property
    def state(self) -> dict[str, pa.Table]:
        """All of it, to `restore`."""
        return {"members": self._members, "told": self._told}

    def restore(self, tables: Mapping[str, pa.Table]) -> None:
        """Begin with the state of an earlier run."""
        self._members, self._told = tables["members"].cast(_MEMBERS), tables["told"].cast(_TOLD)
        self._room = True

    def admit(self, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        """Know the series of the table `numbered` (samples with `series`): those that are known, with `named`."""
        connection.register("members", self._members)
        connection.execute(f"create temp table fresh as {_FRESH.format(again=self._room)}")
        named = compute.sum(self._members["named"]).as_py() or 0
        placed = _PLACED.format(
            service=_SERVICE,
            most_of_one=self._limits.service_series,
            room=self._limits.series - named,
            room_folded=self._limits.folded_series - (self._members.num_rows - named),
        )
        connection.execute(f"create temp table placed as {placed}")
        asked, placed_again = connection.execute(_AGAIN).fetchall()[0]
        self._room = self._room and (placed_again or not asked)
        connection.execute("create temp view samples as select Name, Labels from placed")
        told = told_by_series(connection)
        connection.register("fresh_told", told)
        members = connection.sql("select series, service, named from placed").to_arrow_table().cast(_MEMBERS)
        if compute.all(members["named"]).as_py() is False:
            told = self._folded(connection)
        self._put(members, told)
        return self._members.select(["series", "named"])

    def _put(self, members: pa.Table, told: pa.Table) -> None:
        """Know these too, also if they were folded until now."""
        old = (rows.filter(_others(rows, members["series"])) for rows in (self._members, self._told))
        self._members, self._told = (
            pa.concat_tables([rows, more.cast(rows.schema)]).unify_dictionaries()
            for rows, more in zip(old, (members, told), strict=True)
        )

    def _folded(self, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        """What the fresh ones tell, those that are not known by name of what is."""
        named, unnamed = (
            connection.sql(f"from fresh_told {which} join (from placed where named) using (series)").to_arrow_table()
            for which in ("semi", "anti")
        )
        connection.register("known_told", pa.concat_tables([self.told, named.cast(TOLD)]))
        connection.register("unnamed_told", unnamed)
        return pa.concat_tables([named.cast(TOLD), connection.sql(_FOLDED).to_arrow_table().cast(TOLD)])

    def keep(self, series: pa.ChunkedArray) -> None:
        """Forget all but these."""
        named = compute.sum(self._members["named"])
        self._members, self._told = (
            rows.filter(compute.is_in(rows["series"], series)).combine_chunks() for rows in (self._members, self._told)
        )
        self._room = self._room or compute.sum(self._members["named"]) != named


def _others(rows: pa.Table, series: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which rows are of none of these."""
    return compute.invert(compute.is_in(rows["series"], series))
