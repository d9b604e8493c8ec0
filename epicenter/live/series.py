"""Which series of metrics are known by name, and what they tell: of too many, the rest counts for what is known."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from ..collector.engine import in_passing
from ..collector.signals import TOLD, told_by_series
from .arrow import compute
from .config import Limits
from .facts import SEQUENCE

_TEXT = pa.dictionary(pa.int32(), pa.string())
_MEMBERS = pa.schema([("series", pa.uint64()), ("place", pa.int64()), ("service", _TEXT), ("named", pa.bool_())])
"""place: the order in which they came. named: none where it tells nothing."""
_TOLD = pa.schema([pa.field(one.name, _TEXT if one.type == pa.string() else one.type) for one in TOLD])

_SERVICE = "coalesce(Labels['service_name'], '')"
"""Whom a series is of, where it says so: by OpenTelemetry's name. A job may hold those of a whole cluster."""
_MORE = 10_000
"""Items of known components that only folded series tell of: a way to fail is told by a series that is new then."""

_FRESH = f"""
    with known as (
        select service, count(*) as count from members where named group by service
    )
    select series, any_value(Name) as Name, any_value(Labels) as Labels, min({SEQUENCE}) as first,
        any_value(place) as known_place
    from numbered left join members using (series) left join known using (service)
    where place is null or (? and not named and (service = '' or coalesce(count, 0) < ?)) group by series"""
"""Series of `numbered` to be placed: new ones and, where there may be room for them, folded ones."""
_RANKED = f"""
    with each as (
        select *, {_SERVICE} as service, series in (select series from fresh_told) as tells,
            row_number() over (order by known_place, first, Name, Labels::varchar) as turn
        from fresh
    ), owned as (
        select *, tells and (service = '' or row_number() over (partition by service, tells order by turn)
            + coalesce(known, 0) <= ?) as own
        from each left join (select service, count(*) as known from members where named group by service)
        using (service)
    )
    select *, own and row_number() over (partition by own order by turn) <= ? as named from owned"""
"""In turn, those of a service only within its own bound (own)."""
_PLACED = """
    select series, ? + turn as place, service, case when tells then named end as named from ranked
    where named or known_place is null qualify named or row_number() over (partition by named order by turn) <= ?"""
_IN_VAIN = "select coalesce(bool_or(own and not named), false) from ranked"
_COUNTED = """
    with by_name as (
        from told semi join (from members where named) using (series)
    ), others as (
        from told semi join (select distinct component from by_name) using (component)
        anti join (from members where named) using (series)
    ), known as (
        select distinct component, concept, item from by_name
    ), more as (
        select component, concept, item from (from others anti join known using (component, concept, item))
        join members using (series) group by all order by min(place), component, concept, item limit ?
    )
    from by_name
    union all (from others semi join (from known union all from more) using (component, concept, item))"""
"""Of the rows `told` those that are counted."""
_HEIRS = """
    with lost as (
        select component from (from told_before semi join (from before where named) using (series))
        except
        select component from (from told semi join (from members where named) using (series))
    )
    select arg_min(series, place) as series from (from told semi join lost using (component))
    join members using (series) where not named group by component"""
"""The first folded series of each component that no series by name tells of any more."""
_HOW = """
    select series, case when coalesce(named, true) then 'named' when counted.series is null then 'left_out'
        else 'folded' end as how
    from known left join (select distinct series from counted) counted using (series)"""


class Series:
    """What each series tells, by its number.

    limits: of more series, in all or of one service, those that came last are folded: what they tell of components
    that one known by name tells of too is counted with that, and nothing else, since a sum of strangers is nobody's.
    A counter's rise needs its last value, so that they are known by number, and of more than `folded_series` the last
    are left out.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._members, self._told = _MEMBERS.empty_table(), _TOLD.empty_table()
        self._counted: pa.Table | None = None  # not worked out since something changed
        self._room = False  # since some that were known by name went, and until there is none for who asks

    @property
    def told(self) -> pa.Table:
        """What those that are counted tell, of schema TOLD."""
        counted = self._worked_out() if self._counted is None else self._counted
        self._counted = counted
        return counted.cast(TOLD)

    def _worked_out(self) -> pa.Table:
        if compute.all(self._members["named"]).as_py() is not False:
            return self._told
        with in_passing() as connection:
            connection.register("members", self._members)
            connection.register("told", self._told.cast(TOLD))
            return connection.sql(_COUNTED, params=[_MORE]).to_arrow_table().cast(_TOLD)

    @property
    def state(self) -> dict[str, pa.Table]:
        """All of it, to `restore`."""
        return {"members": self._members, "told": self._told}

    def restore(self, tables: Mapping[str, pa.Table]) -> None:
        """Begin with the state of an earlier run."""
        self._members, self._told = tables["members"].cast(_MEMBERS), tables["told"].cast(_TOLD)
        self._counted, self._room = None, True

    def admit(self, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        """Know the series of the table `numbered` (samples with `series`): all that are known, with `how`.

        how: "named", also where it tells nothing; "folded" and counted; or "left_out". Makes `fresh` and `ranked` on
        the connection, which is to be closed.
        """
        fresh, told = self._fresh(connection)
        if fresh.num_rows:
            told = told.filter(compute.is_in(told["series"], fresh["series"]))
            self._members, self._told = (
                pa.concat_tables([rows.filter(_others(rows, fresh["series"])), more.cast(rows.schema)])
                .unify_dictionaries()
                .combine_chunks()
                for rows, more in ((self._members, fresh), (self._told, told))
            )
            self._counted = None
        connection.register("known", self._members)
        connection.register("counted", self.told)
        return connection.sql(_HOW).to_arrow_table()

    def _fresh(self, connection: duckdb.DuckDBPyConnection) -> tuple[pa.Table, pa.Table]:
        """Those of `numbered` that are to be known from now on, or by name from now on (MEMBERS); what some tell."""
        named, last = compute.sum(self._members["named"]).as_py() or 0, compute.max(self._members["place"]).as_py() or 0
        room = self._limits.series - named
        room_folded = self._limits.folded_series - (self._members.num_rows - named)
        if max(room, room_folded) <= 0:
            return _MEMBERS.empty_table(), TOLD.empty_table()
        connection.register("members", self._members)
        most_of_one = self._limits.service_series
        connection.execute(f"create temp table fresh as {_FRESH}", [self._room, most_of_one])
        connection.execute("create temp view samples as select Name, Labels from fresh")
        told = told_by_series(connection)
        told = told.filter(compute.not_equal(told["component"], ""))  # that of nobody is no signal
        connection.register("fresh_told", told)
        connection.execute(f"create temp table ranked as {_RANKED}", [most_of_one, room])
        self._room = self._room and connection.execute(_IN_VAIN).fetchall() == [(False,)]
        return connection.sql(_PLACED, params=[last, room_folded]).to_arrow_table().cast(_MEMBERS), told

    def keep(self, series: pa.ChunkedArray) -> None:
        """Forget all but these. Who loses its last series by name gets another: pods come and go."""
        members, told = (rows.filter(compute.is_in(rows["series"], series)) for rows in (self._members, self._told))
        if members.num_rows == self._members.num_rows:
            return
        if compute.all(members["named"]).as_py() is False:
            members = self._with_heirs(members, told)
        self._room = self._room or compute.sum(members["named"]) != compute.sum(self._members["named"])
        self._members, self._told, self._counted = _encoded_anew(members), _encoded_anew(told), None

    def _with_heirs(self, members: pa.Table, told: pa.Table) -> pa.Table:
        with in_passing() as connection:
            tables = {"before": self._members, "told_before": self._told, "members": members, "told": told}
            for name, rows in tables.items():
                connection.register(name, rows)
            heirs = connection.sql(_HEIRS).to_arrow_table()["series"]
        named = compute.or_(members["named"], compute.is_in(members["series"], heirs))
        return members.set_column(members.schema.get_field_index("named"), "named", named)


def _encoded_anew(rows: pa.Table) -> pa.Table:
    """The table without texts in its dictionaries that no row has any more."""
    for place, field in enumerate(rows.schema):
        if field.type == _TEXT:
            column = compute.dictionary_encode(rows[field.name].cast(pa.string()))
            rows = rows.set_column(place, field, column)
    return rows.combine_chunks()


def _others(rows: pa.Table, series: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which rows are of none of these."""
    return compute.invert(compute.is_in(rows["series"], series))
