"""The exception tree: every error a user or the calling code can foresee by type.

A message says what is wrong, which value, and what to do next. A foreseeable outcome
("cancelled", "no room even after eviction", "must refill") is a result or an event, not one
of these.

    TriagentError
    ├── ConfigError        a setting that is unknown, of the wrong type or out of range
    ├── ModelError         a model file that is missing, damaged or refused
    │   └── MemoryShortError   weights, cache or buffers do not fit; less of them may
    ├── NativeError        the patched library is missing, stock, or of another ABI
    │   └── UnsupportedError   this model's memory cannot be evicted from; may run unbounded
    ├── SidecarError       centers that are damaged or belong to another model
    ├── EngineError        the engine refused a command
    │   └── EngineDied     the engine's process ended; it can be started again
    ├── SnapshotError      a saved cache state that does not match
    ├── SessionError       a ledger that is damaged, locked or missing
    └── ToolError          a tool's failure, written for the model to read
"""

from __future__ import annotations

import errno


class TriagentError(Exception):
    """Base of all errors that are shown to the user as one message without a traceback."""


class ConfigError(TriagentError):
    """A setting is unknown, of the wrong type or out of range."""


class ModelError(TriagentError):
    """A model file is missing, damaged, or refused before it is loaded."""


class MemoryShortError(ModelError):
    """Weights, cache or buffers do not fit into memory; less of them may."""


class NativeError(TriagentError):
    """The native library is missing, not ours, or of another ABI."""


class UnsupportedError(NativeError):
    """The model's memory cannot be evicted from; the engine may run it unbounded."""


class SidecarError(TriagentError):
    """A sidecar is damaged or belongs to another model."""


class EngineError(TriagentError):
    """The engine refused a command; the engine itself goes on."""


class EngineDied(EngineError):
    """The engine's process ended. The ledger is whole; the engine can be started again."""


class SnapshotError(TriagentError):
    """A saved cache state does not match the model, the library or the ledger."""


class SessionError(TriagentError):
    """A session's ledger is damaged, locked by another process, or missing."""


class ToolError(TriagentError):
    """A tool failed in a way that the model should read and react to."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk is behind an error, also where a layer put it into its own words."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False
