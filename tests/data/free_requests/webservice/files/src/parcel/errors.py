"""What can go wrong."""


class ParcelError(Exception):
    """Base of all our errors."""


class QuoteError(ParcelError):
    """A quote cannot be given."""


class CarrierDown(ParcelError):
    """The carrier's service does not answer."""
