"""Database access."""

import sqlite3

SCHEMA_VERSION = 6


def connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def save_quote(connection, country: str, grams: int, cents: int) -> None:
    # todo: batch these, one commit per quote is slow
    connection.execute("INSERT INTO quotes VALUES (?, ?, ?)", (country, grams, cents))
    connection.commit()
