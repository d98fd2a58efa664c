"""The two lines below the prompt: what the cache holds, and what is going on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from triagent.ui.lines import cut
from triagent.ui.themes import Palette, palette_of

if TYPE_CHECKING:  # slow to make, and not needed for the first paint
    from triagent.chat import CacheStatus

NO_SANDBOX = "no sandbox"


@dataclass(frozen=True)
class Status:
    """All that the meter shows."""

    phase: str = "starting"
    """What is going on, in a word or two."""
    busy: bool = False
    share: float | None = None
    """Share done of prefill or load, 0 to 1; None for no bar."""
    rate_tps: float = 0.0
    """Tokens per second of the phase; 0 when it has none."""
    cache: CacheStatus | None = None
    model: str = ""
    mode: str = ""
    confinement: str = ""
    hint: str = ""
    """Key that matters most right now."""


class Meter(Widget):
    """Draws a `Status`."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text()

    status: reactive[Status] = reactive(Status(), layout=False)

    def render(self) -> Text:
        """Both lines, cut to the width."""
        palette = palette_of(self.app.current_theme, self.app.theme_variables)
        width = max(20, self.size.width - 2)
        memory = memory_line(self.status.cache, width, palette)
        return Text("\n").join([memory, state_line(self.status, width, palette)])


def memory_line(cache: CacheStatus | None, width: int, palette: Palette) -> Text:
    """Cells live and pinned against the budget, bytes against full attention, rounds."""
    if cache is None:
        return Text("memory  –", style=palette.muted, no_wrap=True)
    limit, wide = cache.budget or cache.n_cells, width >= 100
    line = Text("memory " if wide else "mem ", style=palette.muted, no_wrap=True)
    line.append_text(gauge(cache, 24 if width >= 140 else 12 if wide else 8, palette))
    line.append(f" {cache.n_used:,}", palette.text + Style(bold=True))
    line.append(f"/{limit:,}{' cells' if wide else ''}", palette.muted)
    kept, full = amount(cache.cache_bytes), amount(cache.full_bytes)
    facts = [
        f"{cache.n_pinned:,} {'pinned' if wide else 'pin'}"
        + ("" if cache.budget else " · no budget"),
        f"KV {kept}, full attention {full}" if wide else f"KV {kept} (full {full})",
        f"{cache.n_rounds:,} round{'' if cache.n_rounds == 1 else 's'}",
        f"{cache.n_evicted:,} evicted",
        cache.policy,
    ]
    return _fill(line, facts, width, palette)


def state_line(status: Status, width: int, palette: Palette) -> Text:
    """Phase with its progress and rate, model, mode, confinement; the key that matters now."""
    mark, ink = ("◆", palette.accent) if status.busy else ("◇", palette.good)
    line = Text(no_wrap=True)
    line.append(f"{mark} {status.phase}", ink)
    if status.share is not None:
        done = round(10 * min(1.0, max(0.0, status.share)))
        line.append(f" {'▰' * done}{'▱' * (10 - done)} {status.share:.0%}", ink)
    if status.rate_tps:
        line.append(f" {status.rate_tps:,.0f} tok/s", palette.text)
    hint = cut(status.hint, max(0, width - line.cell_len - 2))
    facts = [status.model, status.mode and f"mode {status.mode}"]
    is_open = status.confinement == "none"
    facts.append(NO_SANDBOX if is_open else status.confinement and f"sandbox {status.confinement}")
    line = _fill(line, [fact for fact in facts if fact], width - len(hint) - 1, palette)
    line.highlight_words([NO_SANDBOX], palette.warn)
    line.append(" " * max(1, width - line.cell_len - len(hint)))
    line.append(hint, palette.muted)
    if status.mode == "full":
        line.stylize(palette.bad)
    return line


def gauge(cache: CacheStatus, width: int, palette: Palette) -> Text:
    """A bar of the budget: pinned cells, live cells, room; glyphs differ as well as colors."""
    limit = max(1, cache.budget or cache.n_cells)
    n_live = min(width, round(width * cache.n_used / limit))
    n_pinned = min(n_live, round(width * cache.n_pinned / limit))
    over = cache.budget and cache.n_used > cache.budget
    bar = Text()
    bar.append("█" * n_pinned, palette.pinned)
    bar.append("▓" * (n_live - n_pinned), palette.warn if over else palette.good)
    bar.append("░" * (width - n_live), palette.faint)
    return bar


def _fill(line: Text, facts: list[str], width: int, palette: Palette) -> Text:
    """Append as many facts as there is room for."""
    for fact in facts:
        text = f" · {fact}"
        if line.cell_len + len(text) > width:
            break
        line.append(text, palette.muted)
    return line


def amount(n_bytes: int) -> str:
    """Bytes for people."""
    value, unit = float(n_bytes), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
