"""The ring of log lines outlives whichever model is closed."""

from __future__ import annotations

import gc
from ctypes import CFUNCTYPE, c_char_p, c_int, c_void_p

import pytest

from triagent.engine import logs


class Bindings:
    """Stands for the library: one callback for the whole process, never forgotten."""

    llama_log_callback = CFUNCTYPE(None, c_int, c_char_p, c_void_p)

    def __init__(self) -> None:
        self.n_set = 0

    def llama_log_set(self, callback, _user) -> None:
        self.call, self.n_set = callback, self.n_set + 1


@pytest.fixture
def bindings(monkeypatch):
    monkeypatch.setattr(logs, "_thunks", [])
    return Bindings()


def test_a_ring_that_is_gone_leaves_the_library_a_callback_to_call(bindings):
    first = logs.LogRing(bindings)
    second = logs.LogRing(bindings)
    del second
    gc.collect()
    assert bindings.n_set == 1  # nothing of the second is in the library's hands
    bindings.call(logs.ERROR, b"still ", None)
    bindings.call(logs.CONT, b"here\n", None)
    assert list(first.lines) == ["still here"] and first.errors() == "still here"
    first.clear_errors()
    assert first.errors() == ""


def test_lines_from_before_a_ring_are_not_its_own(bindings):
    first = logs.LogRing(bindings)
    bindings.call(logs.WARN, b"old\n", None)
    second = logs.LogRing(bindings)
    bindings.call(logs.WARN, b"new\n", None)
    assert list(first.lines) == ["old", "new"] and list(second.lines) == ["new"]
