"""A cache's nodes are replaced by empty ones, and the store behind cannot answer fast enough to fill it again.

After Slack's incident of 22 February 2022: agents restarted, cache nodes came back empty, the hit rate fell, scattered
queries overloaded the database, and the cache could not refill until clients were throttled. Metastable without
retries growing: a hit rate of 90 % hides ten times the load (Bronson et al., HotOS 2021). Size, expiry, the store's
room and when people throttle are drawn.
"""

from __future__ import annotations

from ..world.caches import Cache
from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.interventions import Flush, Throttle

NAME = "cache-loss"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town(headroom=(5.0, 7.0))
    store = town.busiest(town.stores)
    client = max((edge for edge in town.edges if edge.server == store), key=lambda edge: town.rps()[edge.client]).client
    cache = f"{client.rpartition('-')[0]}-cache"
    town.stores.append(cache)
    town.services.append(draw.service(town, cache))
    town.edges = [edge for edge in town.edges if edge.server != store or edge.client == client]
    town.set_edges(retry_budget=0.1)  # nothing but the hit rate keeps this one down
    lookups = draw.between(2.0, 4.0)
    town.set_edges(of=client, to=store, calls_per_request=lookups, required=True, retries=0, timeout_s=2.0)
    town.edges.append(draw.edge(town, client, cache, lookups, required=False, retries=0, timeout_s=2.0))
    town.expose(store)
    draw.size(town, (5.0, 7.0))
    rate = town.rps()[client] * lookups
    hidden = draw.between(0.9, 0.95)
    ttl_s = draw.one_of(600.0, 900.0)
    keys = rate * (1.0 / hidden - 1.0) * ttl_s
    town.set_service(store, capacity_rps=rate * draw.between(0.3, 0.4), queue_limit_s=draw.between(6.0, 15.0))
    town.set_service(client, workers=float("inf"))
    at_s = draw.minutes(28, 36)
    relief_s = at_s + draw.minutes(18, 26)
    # What little is let in fills the cache a little; twice as much in turn fills it more.
    steps_s = tuple(relief_s + 480.0 * step for step in range(3))
    sheds = tuple(Throttle(front, steps_s[0], steps_s[1], 0.2) for front in town.fronts)
    sheds += tuple(Throttle(front, steps_s[1], steps_s[2], 0.5) for front in town.fronts)
    return draw.estate(
        town,
        caches=(Cache(cache, client, store, keys, ttl_s, hidden),),
        cause=Cause(cache, "cache_loss", (town.host(cache),), at_s=at_s, until_s=at_s + 60.0),
        events=(Flush(cache, at_s, draw.between(0.9, 1.0)), *sheds),
    )
