"""Takes orders: looks the item up in the catalog, then asks for its price."""

from __future__ import annotations

import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from ..estate import url

TIMEOUT_S = 1.0

app = Flask(__name__)
prices = requests.Session()


@app.post("/orders/<int:item>")
def order(item: int) -> ResponseReturnValue:
    """A failed look-up is not caught: Flask logs it with its traceback and answers 500."""
    found = look_up(item)
    price = prices.get(f"{url('pricing')}/prices/{item}", timeout=TIMEOUT_S)
    price.raise_for_status()
    app.logger.info("ordered item %s", item)
    return jsonify(item=found["name"], price=price.json()["price"])


def look_up(item: int) -> dict[str, str]:
    """One new connection an order, and two retries below the instrumentation, which sees one call."""
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=Retry(total=2, backoff_factor=0.05)))
        answer = session.get(f"{url('catalog')}/items/{item}", timeout=TIMEOUT_S)
    answer.raise_for_status()
    return answer.json()
