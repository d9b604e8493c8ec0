"""The shop's face: product pages, search and checkout."""

from __future__ import annotations

import httpx
import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from ..estate import url

TIMEOUT_S = 2.0

app = Flask(__name__)
pages = httpx.Client(timeout=TIMEOUT_S)  # keeps connections open between product pages
checkout = requests.Session()


@app.get("/product/<int:item>")
def product(item: int) -> ResponseReturnValue:
    """An item with its reviews; a page without reviews is better than no page."""
    found = pages.get(f"{url('catalog')}/items/{item}").raise_for_status().json()
    try:
        found["reviews"] = pages.get(f"{url('reviews')}/reviews/{item}").raise_for_status().json()
    except httpx.HTTPError:
        app.logger.warning("product page %s goes out without reviews", item)
    return jsonify(found)


@app.get("/search/<int:item>")
def search(item: int) -> ResponseReturnValue:
    """Asks over a connection of its own, a second time when the first one fails."""
    for last in (False, True):
        try:
            return jsonify(httpx.get(f"{url('catalog')}/items/{item}", timeout=TIMEOUT_S).json())
        except httpx.TransportError:
            if last:
                app.logger.exception("search failed")
    return jsonify(error="search is not available"), 503


@app.post("/order/<int:item>")
def order(item: int) -> ResponseReturnValue:
    """Passes the order on and the answer back."""
    answer = checkout.post(f"{url('orders')}/orders/{item}", timeout=TIMEOUT_S)
    return jsonify(answer.json() if answer.ok else {"error": "no order"}), answer.status_code
