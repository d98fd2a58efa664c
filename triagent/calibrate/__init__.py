"""Measures a model: its query centers, fitted score coefficients, and what forgetting costs it.

Letters used in this package: L layers that are scored, H query heads, H_kv KV heads,
G = H / H_kv, F bands (rotated pairs) of a head, T tokens of a text, t the position of an
eviction. torch appears here alone, and only where sums are reduced or solved.
"""
