"""Awk over the rows of a table, its columns taken by their names.

A small model copies a header's word surely and counts columns badly, so no command has a column's
number in it. Line ends of Windows are taken off, and text is compared in small letters.
"""

from __future__ import annotations

import re

NAMES = '{sub(/\\r/,"")} NR==1{for(i=1;i<=NF;i++)c[$i]=i}'
"""Makes `$c["name"]` the field below that name."""
_PLAIN = re.compile(r"[\w./@+-]+")
_MARKS = {",": ",", ";": "';'", "\t": "'\\t'"}


def over_rows(path: str, mark: str, program: str) -> str:
    """The command that runs a program over the rows, its fields divided by `mark`."""
    said = path if _PLAIN.fullmatch(path) else f"'{path}'"
    return f"awk -F{_MARKS[mark]} '{NAMES} {program}' {said}"


def field(name: str) -> str:
    """The field below a name."""
    return f'$c["{name}"]'


def is_value(name: str, value: str) -> str:
    """The condition that a field is a text, in any case where awk knows the letters' cases."""
    if value.isascii() and any(letter.isalpha() for letter in value):
        return f'tolower({field(name)})=="{value.lower()}"'
    return f'{field(name)}=="{value}"'


def is_sayable(value: str) -> bool:
    """Whether a text can stand in a program that stands in single quotes."""
    return bool(value) and not any(mark in value for mark in "'\"\\")


def rows(condition: str) -> str:
    """The condition for rows, the header left out."""
    return f"NR>1 && {condition}"


def print_names(condition: str, key: str) -> str:
    """Print the names of the rows for which something holds."""
    return f"{rows(condition)} {{print {field(key)}}}"


def count(condition: str = "") -> str:
    """Print how many rows there are, or for how many something holds; never the header."""
    test = rows(condition) if condition else "NR>1 && NF"
    return f"{test} {{n++}} END {{print n+0}}"


def add(name: str, condition: str = "", decimal: bool = False) -> str:
    """Print the sum of a column."""
    show = 'printf "%.2f\\n", s' if decimal else "print s+0"
    test = rows(condition) if condition else "NR>1"
    return f"{test} {{s+={field(name)}}} END {{{show}}}"


def most(name: str, high: bool) -> str:
    """Print the first row with the highest or lowest number."""
    sign, value = ">" if high else "<", f"{field(name)}+0"
    return f"NR>1 && (!r || {value}{sign}m) {{m={value};r=$0}} END {{print r}}"
