"""Blocks to strips: the look of the transcript at one width and palette.

Pure functions. The transcript caches what they return by (block, open, width, palette).
"""

from __future__ import annotations

from functools import singledispatch

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from triagent.ui.blocks import (
    AnswerBlock,
    Block,
    CardBlock,
    CardState,
    FactsBlock,
    NoticeBlock,
    RecallBlock,
    RoundBlock,
    ThinkingBlock,
    UserBlock,
    WelcomeBlock,
    can_fold,
)
from triagent.ui.lines import cells, indented, papered, spread, strip, words
from triagent.ui.safe import one_line, plain, readable
from triagent.ui.themes import Palette

MARGIN = 2
MAX_OPEN_LINES = 400
"""Lines of one tool's output that an opened card shows: its tail."""
DIFF_PREVIEW_LINES = 24
"""Lines of a diff that a folded card shows."""
MAX_PROSE_WIDTH = 110
"""Longer lines are hard to read; wide screens keep a margin."""

_STATE = {
    CardState.WRITING: ("◌", "muted", "writing"),
    CardState.PROPOSED: ("○", "muted", "waiting"),
    CardState.ASKING: ("?", "warn", "asks you"),
    CardState.RUNNING: ("◐", "primary", "running"),
    CardState.OK: ("●", "good", ""),
    CardState.FAILED: ("✗", "bad", "failed"),
    CardState.DENIED: ("⊘", "warn", "denied"),
    CardState.STOPPED: ("■", "warn", "stopped"),
}
_LEVEL = {"info": ("i", "primary"), "warning": ("!", "warn"), "error": ("✗", "bad")}


@singledispatch
def draw(block: Block, opened: bool, width: int, palette: Palette) -> list[Strip]:
    """Render one block.

    Args:
        block: what to draw.
        opened: whether a block that folds is open.
        width: cells to draw in; every strip is at most as wide.
        palette: the theme's styles.
    """
    raise TypeError(f"no look for {type(block).__name__}")


def guess_height(block: Block, opened: bool, width: int) -> int:
    """Lines that `draw` would return, roughly and at once; exact for folded blocks."""
    if can_fold(block) and not opened and not (isinstance(block, CardBlock) and block.diff):
        return 1
    match block:
        case UserBlock() | AnswerBlock() | NoticeBlock():
            text = block.text
        case WelcomeBlock():
            text = block.markdown
        case _:
            return 1
    room = max(20, min(width, MAX_PROSE_WIDTH) - 2 * MARGIN)
    return 1 + text.count("\n") + len(text) // room


@draw.register(UserBlock)  # named, as to evaluate hints takes its time at every start
def _user(block: UserBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    mark = "» " if block.steered else "❯ "
    paper = palette.code
    found = []
    for number, line in enumerate(words(readable(block.text), width - MARGIN - 2)):
        lead = (mark if number == 0 else "  ", palette.primary + Style(bold=True))
        found.append(papered(strip(lead, (line, palette.user)), width, paper))
    return found


@draw.register(AnswerBlock)
def _answer(block: AnswerBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    return _prose(block.text, width, palette)


@draw.register(WelcomeBlock)
def _welcome(block: WelcomeBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    return _prose(block.markdown, width, palette)


def _prose(text: str, width: int, palette: Palette) -> list[Strip]:
    from triagent.ui import prose  # slow to load, and not needed for the first paint

    room = max(10, min(width, MAX_PROSE_WIDTH) - 2 * MARGIN)
    return indented(prose.lines(readable(text), room, palette), " " * MARGIN, Style())


@draw.register(ThinkingBlock)
def _thinking(block: ThinkingBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    fold = "▾" if opened else "▸"
    if block.live:
        head = "thinking "
    elif block.seconds is not None:
        head = f"thought for {seconds(block.seconds)} "
    else:
        head = "thought "
    style = palette.muted + Style(italic=True)
    tail = "" if opened else _glimpse(block, width - len(head) - 4)
    found = [spread([(f"{fold} ", palette.muted), (head, style), (tail, style)], [], width)]
    if opened:
        said = words(readable(block.text.strip()), width - 2 * MARGIN)
        body = ([Segment(line, style)] for line in said)
        found += indented(body, "│ ", palette.faint)
    return found


def _glimpse(block: ThinkingBlock, room: int) -> str:
    """The last words while they come, the first ones afterwards."""
    said = one_line(block.text[-2 * room :] if block.live else block.text, 2 * room)
    if block.live and len(said) > room:
        said = "…" + said[1 - room :]
    return f"· {said}"


@draw.register(CardBlock)
def _card(block: CardBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    glyph, color, word = _STATE[block.state]
    ink: Style = getattr(palette, color)
    fold = ("▾" if opened else "▸") if can_fold(block) else " "
    right = [word] if word else []
    if block.seconds is not None and block.state is not CardState.DENIED:
        right.append(seconds(block.seconds))
    left = [
        (f"{fold} ", palette.muted),
        (f"{glyph} ", ink),
        (plain(block.name), palette.text + Style(bold=True)),
        ("  " + one_line(block.argument, 400), palette.muted),
    ]
    found = [spread(left, [(" ".join(right), palette.muted)] if right else [], width)]
    if block.diff and block.state is not CardState.ASKING:  # the question shows it
        from triagent.ui.draw_diff import diff_lines  # most starts show none

        body = diff_lines(block.diff, width - 4, palette)
        found += _held(body, MAX_OPEN_LINES if opened else DIFF_PREVIEW_LINES, "open", palette)
    if opened and block.output:
        output = cells(readable(block.output.rstrip("\n")), width - 4)
        hidden = len(output) - MAX_OPEN_LINES
        body = [[Segment(line, palette.muted)] for line in output[-MAX_OPEN_LINES:]]
        if hidden > 0:
            body.insert(0, [Segment(f"… {hidden:,} lines before", palette.faint)])
        found += indented(body, "  │ ", palette.faint)
    return found


def _held(body: list[Strip], most: int, how: str, palette: Palette) -> list[Strip]:
    hidden = len(body) - most
    shown = indented(body[:most], "  │ ", palette.faint)
    if hidden > 0:
        shown.append(strip((f"  │ … {hidden:,} more lines, {how} to see", palette.muted)))
    return shown


@draw.register(RoundBlock)
def _round(block: RoundBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    which = f"round {block.number}"
    if block.n_rounds > 1:
        which = f"rounds {block.number - block.n_rounds + 1}–{block.number}"
    text = f"{which} · {block.n_evicted:,} cells evicted"
    if block.n_lost:
        text += f" · {block.n_lost:,} positions gone from every head"
    if block.ms:
        text += f" · {block.ms:.1f} ms"
    return [spread([("┄┄ ", palette.faint), (text, palette.muted)], [], width)]


@draw.register(RecallBlock)
def _recall(block: RecallBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    fold = "▾" if opened else "▸"
    head = f"{fold} ↺ recalled "
    tail = "" if opened else "· " + one_line(block.text.removeprefix("[recalled]"), width)
    found = [spread([(head, palette.accent), (tail, palette.muted)], [], width)]
    if opened:
        said = words(readable(block.text), width - 2 * MARGIN)
        body = ([Segment(line, palette.muted)] for line in said)
        found += indented(body, "│ ", palette.faint)
    return found


@draw.register(FactsBlock)
def _facts(block: FactsBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    from triagent.agent.events import Outcome  # not for the first paint

    tools = f"{block.n_tools} tool{'' if block.n_tools == 1 else 's'} ran"
    if block.n_failed:
        tools += f", {block.n_failed} failed"
    if block.n_denied:
        tools += f", {block.n_denied} denied"
    if block.n_skipped:
        tools += f", {block.n_skipped} not run"
    files = f"{len(block.changed)} file{'' if len(block.changed) == 1 else 's'} changed"
    rate = f"{block.n_decode:,} tokens at {block.decode_tps:.1f}/s"
    facts = " · ".join([tools, files, rate, seconds(block.seconds)])
    if block.outcome is Outcome.DONE:
        return [spread([("─ ", palette.faint), (facts, palette.muted)], [], width)]
    ink = palette.bad if block.outcome is Outcome.FAILED else palette.warn
    why = {Outcome.CANCELLED: "interrupted", Outcome.STOPPED: "stopped"}.get(
        block.outcome, "failed"
    )
    reason, _, more = plain(block.why).partition("\n")
    reasons = words(f"{why}: {reason}" if reason else why, width - 4)
    found = [strip(("■ " if n == 0 else "  ", ink), (w, ink)) for n, w in enumerate(reasons)]
    more = more.strip("\n")
    if more and opened:
        body = ([Segment(line, palette.muted)] for line in words(more, width - 4))
        found += indented(body, "  │ ", palette.faint)
    elif more:
        n_more = more.count("\n") + 1
        found.append(strip((f"  ▸ {n_more} more lines, open to see", palette.muted)))
    return [*found, spread([("  " + facts, palette.muted)], [], width)]


@draw.register(NoticeBlock)
def _notice(block: NoticeBlock, opened: bool, width: int, palette: Palette) -> list[Strip]:
    glyph, color = _LEVEL.get(block.level, _LEVEL["info"])
    ink: Style = getattr(palette, color)
    style = palette.muted if block.level == "info" else palette.text
    return [
        strip((f"{glyph} " if number == 0 else "  ", ink), (line, style))
        for number, line in enumerate(words(block.text, width - MARGIN))
    ]


def seconds(value: float) -> str:
    """A duration for people: 0.04 s, 3.2 s, 2 min 5 s."""
    if value < 0.1:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"
