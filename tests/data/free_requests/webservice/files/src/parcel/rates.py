"""The price table and its rules."""

from parcel.errors import QuoteError
from parcel.utils import normalize_country

MAX_GRAMS = 30_000
FUEL_SURCHARGE = 0.085
BASE_CENTS = {"SE": 590, "NO": 890, "DE": 1090, "US": 2450}
CENTS_PER_KILO = 145


class RateTable:
    """Prices by country."""

    def __init__(self, base=None):
        self.base = dict(base or BASE_CENTS)

    def base_for(self, country: str) -> int:
        try:
            return self.base[country]
        except KeyError:
            raise QuoteError(f"no rate for {country}") from None


def quote(grams: int, country: str) -> int:
    if grams <= 0:
        raise QuoteError("weight must be positive")
    if grams > MAX_GRAMS:
        raise QuoteError("too heavy")
    base = RateTable().base_for(normalize_country(country))
    return round((base + CENTS_PER_KILO * grams / 1000) * (1 + FUEL_SURCHARGE))
