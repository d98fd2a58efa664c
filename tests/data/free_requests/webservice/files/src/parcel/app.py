"""Command line and routes."""

import argparse
import json

from parcel.errors import QuoteError
from parcel.rates import quote

DEFAULT_PORT = 8420
MAX_BODY_BYTES = 65536


def handle_quote(body: str) -> tuple[int, str]:
    if len(body) > MAX_BODY_BYTES:
        return 413, "too large"
    data = json.loads(body)
    try:
        cents = quote(data["grams"], data["country"])
    except QuoteError as error:
        return 422, str(error)
    return 200, json.dumps({"cents": cents})


def health() -> tuple[int, str]:
    return 200, "ok"


def main() -> None:
    parser = argparse.ArgumentParser(prog="parcel")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    args = parser.parse_args()
    print(f"listening on {args.port}")


if __name__ == "__main__":
    main()
