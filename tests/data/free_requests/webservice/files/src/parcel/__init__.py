"""Shipping quotes over HTTP."""

__version__ = "0.7.2"
