"""The memory screen: what the model still holds of this session, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Static

from triagent.agent.events import RoundDone
from triagent.chat import Evicted
from triagent.ui import keeping
from triagent.ui.blocks import text_of
from triagent.ui.heat import HeatRow, Picture, look
from triagent.ui.heatmap import HeatMap, SpanList
from triagent.ui.lines import words
from triagent.ui.meter import memory_line
from triagent.ui.safe import one_line
from triagent.ui.themes import GLYPHS, Palette, palette_of

if TYPE_CHECKING:
    from triagent.ui.app import TriagentApp

REFRESH_S = 1.0
"""How often the picture is made again while a turn runs."""
COLUMNS = f"  {'turn':<5}{'who':<8}{'held':<13}{'share':<6}{'score':<6}{'lost':<6}words"
"""Heads of what `SpanList` shows; "lost" is what the last round took from every head."""
KEYS = "p pin · f forget · r recall · Enter go to the text · Esc back · ◆ pinned"


class MemoryScreen(Screen):
    """A heat-map of the session."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text()
    BINDINGS: ClassVar = [
        Binding("escape,f4,q", "dismiss", "Back", id="memory.back"),
        Binding("p", "pin", "Pin or unpin", id="memory.pin"),
        Binding("f", "forget", "Forget", id="memory.forget"),
        Binding("r", "recall", "Recall", id="memory.recall"),
        Binding("enter", "jump", "Go to the text", id="memory.jump"),
    ]
    app: TriagentApp

    def __init__(self) -> None:
        super().__init__()
        self._picture: Picture | None = None
        self._done: tuple[str, HeatRow] | None = None  # a key and the span it was for

    def compose(self) -> ComposeResult:
        """Facts, grid, list, words, keys."""
        yield Static(id="memory-head", markup=False)
        yield HeatMap()
        yield Static(COLUMNS, id="memory-columns", markup=False)
        yield SpanList()
        yield Static(id="memory-text", markup=False)
        yield Static(KEYS, id="memory-keys", markup=False)

    def on_mount(self) -> None:
        """Make the picture, and keep it fresh while a turn runs."""
        self.query_one(SpanList).focus()
        self._look()
        self.set_interval(REFRESH_S, self._look_again)

    def _look_again(self) -> None:
        if self.app.chat.busy and not self.app.waits_for("memory"):
            self._look()

    def _look(self) -> None:
        last = self.app.chat.last_round
        lost = last.lost if last else ()
        self.app.ask("memory", lambda agent: look(agent, lost), self._show, between=True)

    def _show(self, picture: Picture) -> None:
        if not self.is_attached:
            return
        self._picture = picture
        chat = self.app.chat
        chat.set_status(replace(chat.status, cache=picture.status))
        if self._done is not None:
            (key, row), self._done = self._done, None
            if told := keeping.outcome(picture, row, key):
                self.notify(told, severity="warning")
        self.query_one(SpanList).show(picture)
        self._draw()

    def _draw(self) -> None:
        picture, spans = self._picture, self.query_one(SpanList)
        if picture is None:
            return
        row = spans.row
        self.query_one(HeatMap).show(picture, (row.start, row.stop) if row else (0, 0))
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        self.query_one("#memory-head", Static).update(self._head(picture, palette))
        self.query_one("#memory-text", Static).update(self._words(row, palette))

    def _head(self, picture: Picture, palette: Palette) -> Text:
        width = max(20, self.size.width - 2)
        each = self.query_one(HeatMap).per_cell
        text = memory_line(picture.status, width, palette)
        text.append("\n")
        legend = zip(GLYPHS, palette.heat, ("gone", "few", "some", "most", "all"), strict=True)
        for glyph, style, meaning in legend:
            text.append(f"{glyph} ", style).append(f"{meaning}  ", palette.muted)
        text.append(f"of the heads · a glyph is {each:,} position{'s' * (each > 1)}", palette.muted)
        text.append("\n").append_text(
            round_line(self.app.chat.last_round, picture.status.n_rounds, palette)
        )
        return text

    def _words(self, row: HeatRow | None, palette: Palette) -> Text:
        if row is None:
            return Text("nothing has been said yet", palette.muted)
        facts = f"{row.who} · positions {row.start:,}–{row.stop - 1:,} · held by {row.share:.0%}"
        if row.turn:
            facts = f"turn {row.turn} · {facts}"
        if row.pinned:
            facts += " · pinned"
        text = Text(no_wrap=True).append(facts + "\n", palette.text + Style(bold=True))
        lines = words(one_line(row.text, 2000), max(20, self.size.width - 2))
        # Struck through what no head holds any more.
        style = palette.muted + Style(strike=row.share <= 0.0)
        return text.append("\n".join(lines[:3]), style)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    def on_span_list_moved(self) -> None:
        """Show the other span's words."""
        self._draw()

    def on_heat_map_picked(self, message: HeatMap.Picked) -> None:
        """Choose the span that was clicked in the grid."""
        if self._picture is not None:
            self.query_one(SpanList).choose(self._picture.row_at(message.pos))

    # -- keys

    @property
    def _row(self) -> HeatRow | None:
        return self.query_one(SpanList).row

    def action_pin(self) -> None:
        """Pin the span, or let it go again."""
        row = self._row
        if row is None:
            return
        if row.pinned:
            self._change("unpin", row, lambda agent: agent.unpin(row.start, row.stop))
        else:
            self._change("pin", row, lambda agent: agent.pin(row.start, row.stop))

    def action_forget(self) -> None:
        """Evict the span now."""
        row = self._row
        if row is not None:
            self._change("forget", row, lambda agent: agent.forget(row.start, row.stop))

    def _change(self, key: str, row: HeatRow, call) -> None:
        if why := keeping.refusal(row, key):
            self.notify(why, severity="warning")
            return

        def changed(result: Evicted | None) -> None:
            if result is not None:
                self.app.chat.show_forgotten(result)
            self._done = (key, row)
            if self.is_attached:
                self._look()

        self.app.ask(key, call, changed, between=True)

    def action_recall(self) -> None:
        """Put the span's words back at the tail."""
        row = self._row
        if row is not None and not self.app.chat.busy:
            self.dismiss()
            self.app.chat.transcript.scroll_end(animate=False)  # it is put back there
            self.app.thread.stream("recall", lambda agent: agent.recall_at(row.start, row.stop))
        elif row is not None:
            self.notify("recall has to wait until the turn ends", severity="warning")

    def action_jump(self) -> None:
        """Show the span's words in the transcript."""
        row = self._row
        if row is None:
            return
        chat = self.app.chat
        index = find_block(chat.transcript.blocks, chat.feed.turns, row)
        self.dismiss()
        if index is None:
            self.app.notify("this part is not in the transcript", severity="warning")
        else:
            chat.transcript.focus()
            chat.transcript.show(index)


def round_line(last: RoundDone | None, n_rounds: int, palette: Palette) -> Text:
    """What the last round evicted, as far as the transcript reaches back."""
    if last is None:
        text = "the last round is further back than the transcript"
        return Text(text if n_rounds else "no round has run yet", palette.muted)
    n_lost = sum(stop - start for start, stop in last.lost)
    lost = f"{n_lost:,} positions gone from every head"
    text = f"last round: {last.n_evicted:,} cells evicted, {lost}, {last.ms:.1f} ms"
    return Text(text, palette.muted, no_wrap=True)


def find_block(blocks, turns: dict[int, int], row: HeatRow) -> int | None:
    """Index of the block that shows a span: in its turn, the one with its words."""
    if row.turn not in turns:
        return None
    first = turns[row.turn]
    stop = min((at for turn, at in turns.items() if turn > row.turn), default=len(blocks))
    wanted = "".join(row.text.split())[:400]
    best, n_best = first, 0
    for index in range(first, min(stop, len(blocks))):
        said = "".join(text_of(blocks[index]).split())
        n_same = _overlap(wanted, said)
        if n_same > n_best:
            best, n_best = index, n_same
    return best


def _overlap(wanted: str, said: str) -> int:
    """Letters of the first words of a block that stand in the span."""
    for n in (200, 60, 20, 8, 3):
        if len(said) >= min(n, 3) and said[:n] and said[:n] in wanted:
            return min(n, len(said))
    return 0
