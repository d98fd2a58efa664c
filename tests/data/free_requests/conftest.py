"""Keeps pytest out of the little projects: their tests are data."""

collect_ignore_glob = ["*"]
