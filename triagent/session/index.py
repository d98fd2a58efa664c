"""The search index over all ledgers: an SQLite file that can be thrown away at any time.

Filled from the ledgers, each from where the last update stopped. Whatever is wrong with it, it
is deleted and built again; where no file can be written it is kept in memory. Nothing is known
here that a ledger does not say.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from triagent.session.ledger import Ledger
from triagent.session.passages import Passage, cut
from triagent.session.record import Record

VERSION = 4
SEAL_BYTES = 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions(
    id TEXT PRIMARY KEY, title TEXT, created TEXT, model TEXT, workspace TEXT,
    n_turns INTEGER, n_pos INTEGER, offset INTEGER, birth TEXT,
    mtime INTEGER, seal TEXT);
CREATE VIRTUAL TABLE IF NOT EXISTS passages USING fts5(
    text, key, session UNINDEXED, turn UNINDEXED, who UNINDEXED, pos UNINDEXED, stop UNINDEXED,
    tokenize = "porter unicode61 remove_diacritics 2 tokenchars '_'");
"""
_RARE = """
SELECT rowid FROM passages
WHERE passages MATCH ? AND rank MATCH 'bm25(1.0, 0.0)' ORDER BY rank LIMIT ?
"""
_NEWEST = "SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY rowid DESC LIMIT ?"
_TELL = "SELECT session, turn, who, text, pos, stop FROM passages WHERE rowid = ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM passages WHERE passages MATCH ? LIMIT ?)"
COMMON = 200
"""Passages with a word beyond which the word tells nothing by itself. Ranking looks at every
passage that matches, so this keeps a search as quick in a long session as in a short one."""
# Words that say nothing about what is asked for; English, for that is what most tools speak.
_STOP = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can could did do does for from had has have how i if in is it "
        "its me my of on or our please say said should so tell that the their them then there they "
        "this to up was we were what when where which who why will with would you your",
    )
)

_ECHOES = ("recall", "note")
"""Tools whose results only repeat what was said."""


@dataclass(frozen=True)
class Found:
    """A passage and the session it is from."""

    session: str
    passage: Passage


class Index:
    """Full-text search over sessions.

    Args:
        path: the SQLite file; made when missing, replaced when damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = self._open()

    def update(self, ledger: Ledger) -> None:
        """Take in what a ledger says since the last update."""
        id, state = ledger.folder.name, ledger.state
        mtime = ledger.path.stat().st_mtime_ns
        if self.row(id, ledger.size, mtime) is not None:
            return
        with self._again(), self._transaction():
            offset = self._offset(id, ledger)
            for record in ledger.records(offset):
                self._add(id, record)
                offset = record.stop
            self._db.execute(
                "INSERT OR REPLACE INTO sessions VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                (
                    id, *map(_stored, (state.title, state.created, state.model, state.workspace)),
                    state.turn, state.n_pos, offset, _birth(ledger), mtime, _seal(ledger, offset),
                ),
            )  # fmt: skip

    def search(self, query: str, session: str | None = None, n: int = 10) -> list[Found]:
        """Passages that hold words of the query: those with telling words by rank, then the
        newest with all the common ones."""
        words = terms(query)
        within = f" AND key : {_quoted(_key(session))}" if session else ""
        with self._again():
            rare = [word for word in words if not self._is_common(word, within)]
            common = [word for word in words if word not in rare]
            ids: dict[int, None] = {}
            if rare:
                match = f"text : ({' OR '.join(map(_quoted, rare))}){within}"
                ids.update(dict.fromkeys(x[0] for x in self._db.execute(_RARE, (match, n))))
            if common:
                match = f"text : ({' AND '.join(map(_quoted, common))}){within}"
                ids.update(dict.fromkeys(x[0] for x in self._db.execute(_NEWEST, (match, n))))
            beginnings = [f"{_quoted(word[:-1])}*" for word in words if len(word) > 4]
            if not ids and beginnings:  # another form of the word, or a typing error at its end
                match = f"text : ({' OR '.join(beginnings)}){within}"
                ids.update(dict.fromkeys(x[0] for x in self._db.execute(_NEWEST, (match, n))))
            rows = [self._db.execute(_TELL, (id,)).fetchone() for id in ids]
            return [Found(r[0], Passage(r[1], r[2], r[3], r[4], r[5])) for r in rows[:n]]
        return []

    def _is_common(self, word: str, within: str) -> bool:
        match = f"text : {_quoted(word)}{within}"
        return self._db.execute(_COUNT, (match, COMMON)).fetchone()[0] >= COMMON

    def row(self, id: str, n_bytes: int, mtime_ns: int) -> tuple | None:
        """(title, created, model, workspace, turns, positions) when the index is up to date.

        Args:
            n_bytes, mtime_ns: of the log as it is now; one that was touched is looked at again.
        """
        sql = (
            "SELECT title, created, model, workspace, n_turns, n_pos FROM sessions "
            "WHERE id = ? AND offset = ? AND mtime = ?"
        )
        with self._again():
            return self._db.execute(sql, (id, n_bytes, mtime_ns)).fetchone()
        return None

    def forget(self, id: str) -> None:
        """Drop a session."""
        with self._again(), self._transaction():
            self._drop(id)

    def close(self) -> None:
        """May be called twice."""
        self._db.close()

    # -- the file

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._open_file()
        except (OSError, sqlite3.OperationalError):
            db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            db.executescript(_SCHEMA)
            return db

    def _open_file(self) -> sqlite3.Connection:
        try:
            db = self._connect()
            good = db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if good and version in (0, VERSION):
                db.executescript(_SCHEMA)
                db.execute(f"PRAGMA user_version = {VERSION}")
                return db
            db.close()
        except sqlite3.DatabaseError:
            with contextlib.suppress(UnboundLocalError):
                db.close()
        self._remove()
        db = self._connect()
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version = {VERSION}")
        return db

    def _connect(self) -> sqlite3.Connection:
        # The agent's thread and the app's both ask, never at the same time.
        db = sqlite3.connect(self.path, timeout=5, check_same_thread=False, isolation_level=None)
        self.path.chmod(0o600)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")  # a cache: rebuilt when a crash spoils it
        return db

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and only one process at a time: two would add the same words twice."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _again(self) -> Iterator[None]:
        """Replace the file when it turns out damaged; the question then goes unanswered once.

        Whatever fails here, the session goes on: this is a cache.
        """
        try:
            yield
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "full" in str(error):
                return
            with contextlib.suppress(sqlite3.Error, OSError):
                self._db.close()
                self._remove()
                self._db = self._open()

    def _offset(self, id: str, ledger: Ledger) -> int:
        sql = "SELECT offset, birth, seal FROM sessions WHERE id = ?"
        row = self._db.execute(sql, (id,)).fetchone()
        if row and row[0] <= ledger.size and row[1:] == (_birth(ledger), _seal(ledger, row[0])):
            return row[0]
        if row:
            self._drop(id)
        return 0

    def _drop(self, id: str) -> None:
        self._db.execute("DELETE FROM passages WHERE session = ?", (id,))
        self._db.execute("DELETE FROM sessions WHERE id = ?", (id,))

    def _add(self, id: str, record: Record) -> None:
        if record.type == "event" and record.data["name"] == "rewound":
            self._db.execute(
                "DELETE FROM passages WHERE session = ? AND turn >= ?", (id, record.data["turn"])
            )
        for item in passages_of(record):
            self._db.execute(
                "INSERT INTO passages VALUES(?,?,?,?,?,?,?)",
                (item.text, _key(id), id, item.turn, item.who, item.pos, item.stop),
            )


def passages_of(record: Record) -> Iterator[Passage]:
    """What a record says that somebody may look for."""
    if record.type != "event" or "pos" not in record.data:
        return
    data = record.data
    who = {"user": "user", "answer": "you", "tool_ended": f"{data.get('tool')} result"}.get(
        data["name"]
    )
    if who and data.get("tool") not in _ECHOES:
        yield from cut(data["turn"], who, data["text"], data["pos"], data["stop"])


def terms(query: str) -> list[str]:
    """The words of a question that are worth looking for."""
    words = list(dict.fromkeys(re.findall(r"\w+", query.lower())))
    telling = [word for word in words if word not in _STOP]
    return (telling or words)[:20]


def match_share(words: Sequence[str], text: str) -> float:
    """Share of `words` that are in a text, 0 to 1."""
    have = {word.rstrip("s") for word in re.findall(r"\w+", text.lower())}
    return sum(word.rstrip("s") in have for word in words) / len(words) if words else 0.0


def _stored(text: str) -> str:
    """Text as the ledger's file has it: names of files need not be Unicode."""
    return text.encode("utf-8", "replace").decode()


def _seal(ledger: Ledger, offset: int) -> str:
    """The checksum of the record that ends at `offset`: another one when the log was repaired
    and grew again."""
    with ledger.path.open("rb") as file:
        file.seek(max(0, offset - SEAL_BYTES))
        return file.read(SEAL_BYTES).decode(errors="replace")


def _key(id: str) -> str:
    """A session's name as one word of the index."""
    return re.sub(r"\W", "_", id)


def _quoted(word: str) -> str:
    return f'"{word}"'


def _birth(ledger: Ledger) -> str:
    """Tells a log from another one under the same name."""
    return f"{ledger.state.created}:{ledger.path.stat().st_ino}"
