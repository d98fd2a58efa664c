"""What a ledger adds up to, folded record by record; a checkpoint carries it as it stands.

Small whatever the session's length, so that opening needs the last checkpoint and the few
records behind it.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import asdict, dataclass, field
from typing import Any

from triagent.session.record import Record


@dataclass
class State:
    """The sum of all records so far."""

    n_records: int = 0
    n_pos: int = 0
    """Position of the next token."""
    hash: str = ""
    """Chain over all token records; guards snapshots."""
    turn: int = 0
    """Number of the last turn that began; 0 before the first."""
    turn_open: bool = False
    turn_failed: bool = False
    """The last turn ended by an error, and may have left a message open."""
    title: str = ""
    n_rounds: int = 0
    n_evicted: int = 0
    created: str = ""
    model: str = ""
    workspace: str = ""
    ended: bool = False
    n_rewinds: int = 0
    snapshot_pos: int = 0
    """Position of the last snapshot; 0 when there is none of the session as it stands."""
    pins: list[list[int]] = field(default_factory=list)
    """Position ranges [start, stop) that the user protects."""

    def fold(self, record: Record) -> None:
        """Take in the next record."""
        self.n_records += 1
        handler = getattr(self, f"_{record.type}", None)
        if handler is not None:
            handler(record.data)

    def as_dict(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return asdict(self)

    def _meta(self, data: dict[str, Any]) -> None:
        self.created, self.model = data.get("created", ""), data.get("model", "")
        self.workspace = data.get("workspace", "")
        self.title = data.get("title", "")

    def _tokens(self, data: dict[str, Any]) -> None:
        self.n_pos = data["pos"] + len(data["ids"])
        self.hash = chain(self.hash, data["pos"], data["ids"])
        self.ended = False

    def _evict(self, data: dict[str, Any]) -> None:
        self.n_rounds += 1
        self.n_evicted += data["n"]

    def _event(self, data: dict[str, Any]) -> None:
        match data["name"]:
            case "turn_started":
                self.turn, self.turn_open, self.ended = data["turn"], True, False
                self.title = self.title or title_of(data["text"])
                self.turn_failed = False
            case "turn_ended":
                self.turn_open, self.turn_failed = False, data["outcome"] == "failed"
            case "rewound":
                self.n_pos, self.turn = data["pos"], data["turn"] - 1
                self.hash = chain(self.hash, data["pos"], [])
                self.n_rewinds += 1
                self.snapshot_pos = 0
                self.turn_open = self.turn_failed = False
            case "pinned":
                self.pins.append([data["start"], data["stop"]])
            case "unpinned":
                span = [data["start"], data["stop"]]
                self.pins = [pin for pin in self.pins if pin != span]

    def _checkpoint(self, data: dict[str, Any]) -> None:
        if data["snapshot"]:
            self.snapshot_pos = data["state"]["n_pos"]

    def _title(self, data: dict[str, Any]) -> None:
        self.title = data["text"]

    def _end(self, data: dict[str, Any]) -> None:
        self.ended = True


def chain(before: str, pos: int, ids: list[int]) -> str:
    """The next link: a hash of the link before, the position and the token ids."""
    packed = struct.pack(f"<q{len(ids)}q", pos, *ids)
    return hashlib.blake2b(before.encode() + packed, digest_size=16).hexdigest()


def title_of(text: str) -> str:
    """A title from the first words of the user: no model is asked for one."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "untitled")
    return line if len(line) <= 60 else line[:59] + "…"
