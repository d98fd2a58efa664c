"""The transcript: finished blocks as cached strips, at a cost that does not grow.

One widget for any number of blocks. A block is drawn when it comes near the view and then
kept as strips by (block, open, width, palette); until then its height is a guess. Guesses are
put right a page ahead of the view, and what is on the screen never moves by it. The block
that is being written is drawn in the same way, its finished paragraphs from the cache.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding
from textual.events import Click, Key, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from triagent.ui.blocks import Block, CardBlock, RoundBlock, can_fold, text_of
from triagent.ui.draw import draw, guess_height
from triagent.ui.heights import Heights
from triagent.ui.lines import laid, selected
from triagent.ui.themes import Palette, palette_of

KEPT_BLOCKS = 400
"""Blocks whose strips are kept; others are drawn again when they come back into view."""


class Transcript(ScrollView, can_focus=True):
    """Blocks from top to bottom; follows the end until scrolled away from it."""

    DEFAULT_CSS = Path(__file__).with_suffix(".tcss").read_text()
    BINDINGS: ClassVar = [
        Binding("up,k", "cursor(-1)", "Block above", show=False, id="transcript.up"),
        Binding("down,j", "cursor(1)", "Block below", show=False, id="transcript.down"),
        Binding("enter,space", "toggle", "Open or fold", id="transcript.toggle"),
        Binding("c", "copy", "Copy block", id="transcript.copy"),
        Binding("home,g", "scroll_home", "Top", show=False, id="transcript.top"),
        Binding("end,G", "scroll_end", "End", show=False, id="transcript.end"),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
    ]

    class CopyAsked(Message):
        """The user wants these words on the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Typed(Message):
        """A character that means nothing here: it was meant for the prompt."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._blocks: list[Block] = []
        self._heights = Heights()
        self._exact: set[int] = set()
        self._opened: set[int] = set()
        self._drawn: OrderedDict[int, tuple[tuple, list[Strip]]] = OrderedDict()
        self._papered: dict[int, set[int]] = {}  # of those, the lines that are ready to be shown
        self._cursor: int | None = None
        self._follow = True
        self._settling = False
        self._palette: Palette | None = None

    def on_key(self, event: Key) -> None:
        """Whoever begins to type wants the prompt."""
        if event.is_printable and event.character and event.key not in self.screen.active_bindings:
            event.stop()
            self.post_message(self.Typed(event.character))

    # -- blocks

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, index: int) -> Block:
        return self._blocks[index]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks in order."""
        return tuple(self._blocks)

    def append(self, block: Block) -> int:
        """Add a block at the end; returns its index."""
        self._add(block)
        self._changed()
        return len(self._blocks) - 1

    def extend(self, blocks: Iterable[Block]) -> None:
        """Add many blocks at once and show the last ones."""
        for block in blocks:
            self._add(block)
        self._changed()

    def replace(self, index: int, block: Block) -> None:
        """Show another value in a block's place."""
        self._blocks[index] = block
        self._restyle(index)
        self._changed()

    def clear(self) -> None:
        """Remove all blocks."""
        self._blocks.clear()
        self._heights = Heights()
        self._exact.clear()
        self._opened.clear()
        self._drawn.clear()
        self._papered.clear()
        self._cursor = None
        self._follow = True
        self._changed()

    def toggle(self, index: int) -> None:
        """Open or fold a block; its head line stays where it is."""
        if not can_fold(self._blocks[index]):
            return
        self._opened ^= {index}
        self._follow = False
        self._restyle(index)
        self._changed()
        self._follow = self.scroll_y >= self.max_scroll_y

    def show(self, index: int) -> None:
        """Scroll to a block and put the cursor on it."""
        self._cursor = index
        self._follow = False
        self._settle_around(index)
        self.scroll_to(y=max(0, self._heights.top(index) - 1), animate=False, immediate=True)
        self.refresh()

    def _add(self, block: Block) -> None:
        self._blocks.append(block)
        index = len(self._blocks) - 1
        guess = guess_height(block, False, self._width) + self._gap(index)
        self._heights.append(guess)

    def _gap(self, index: int) -> int:
        """Blank lines before a block: none inside a run of cards and marks."""
        if index == 0:
            return 0
        quiet = (CardBlock, RoundBlock)
        pair = (self._blocks[index - 1], self._blocks[index])
        return 0 if all(isinstance(block, quiet) for block in pair) else 1

    def _restyle(self, index: int) -> None:
        self._exact.discard(index)
        self._drawn.pop(index, None)
        self._papered.pop(index, None)

    # -- heights

    @property
    def _width(self) -> int:
        return max(20, self.scrollable_content_region.width or 80)

    def _changed(self) -> None:
        """Put heights near the view right, then size, scroll offset and picture."""
        if not self.is_attached or not self.size:
            return
        if self._follow:
            self._settle_end()
        else:
            self._settle()
        self._resize_virtual()
        if self._follow:
            # By force: the scroll bar that would allow it comes with the next layout.
            self.scroll_end(animate=False, immediate=True, force=True)
        self.refresh()

    def _resize_virtual(self) -> None:
        size = Size(self._width, self._heights.total)
        if size != self.virtual_size:
            self.virtual_size = size

    def _measure(self, index: int) -> int:
        """Make a block's height exact; returns by how many lines it grew."""
        if index in self._exact:
            return 0
        self._exact.add(index)
        return self._heights.set(index, len(self._strips(index)))

    def _settle_end(self) -> None:
        """Measure the last page, bottom up."""
        room = 2 * max(1, self.size.height)
        for index in range(len(self._blocks) - 1, -1, -1):
            self._measure(index)
            room -= self._heights[index]
            if room <= 0:
                return

    def _settle(self) -> None:
        """Measure the view and a page around it; what is in view stays where it is."""
        if self._settling or not self._blocks:
            return
        self._settling = True
        try:
            page = max(1, self.size.height)
            top = round(self.scroll_y)
            anchor = self._heights.find(top)
            within = top - self._heights.top(anchor)
            first = self._heights.find(max(0, top - page))
            for index in range(anchor, first - 1, -1):
                self._measure(index)
            index, line = anchor, top
            while index < len(self._blocks) and line < top + 2 * page:
                self._measure(index)
                line = self._heights.top(index) + self._heights[index]
                index += 1
            moved = self._heights.top(anchor) + min(within, self._heights[anchor] - 1) - top
            if moved:
                self._shift(top + moved)
        finally:
            self._settling = False

    def _settle_around(self, index: int) -> None:
        for near in range(max(0, index - 20), min(len(self._blocks), index + 20)):
            self._measure(near)
        self._resize_virtual()

    def _shift(self, top: int) -> None:
        """Move the offset along with lines that grew above it, as one change."""
        self._resize_virtual()
        self.set_reactive(ScrollView.scroll_y, float(max(0, top)))
        self.set_reactive(ScrollView.scroll_target_y, float(max(0, top)))
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Put the bar, which comes a layout after the offset, where the view is."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Measure what comes into view before it is drawn."""
        super().watch_scroll_y(old_value, new_value)
        self._settle()
        self._resize_virtual()
        self._follow = self.scroll_y >= self.max_scroll_y

    def _scroll_to(self, *args, **kwargs) -> bool:
        # Offsets are corrected while scrolling, which an animation would undo.
        kwargs["animate"] = False
        return super()._scroll_to(*args, **kwargs)

    def on_resize(self, event: Resize) -> None:
        """Wrap anew, from the view outwards."""
        anchor = self._heights.find(round(self.scroll_y)) if self._blocks else 0
        follow = self._follow
        self._exact.clear()
        for index in range(len(self._blocks)):
            guess = guess_height(self._blocks[index], index in self._opened, self._width)
            self._heights.set(index, guess + self._gap(index))
        if not follow:
            self._shift(self._heights.top(anchor))
        self._follow = follow
        self._changed()

    def notify_style_update(self) -> None:
        """Draw anew in another theme's palette."""
        super().notify_style_update()
        self._palette = None
        self.refresh()

    # -- drawing

    @property
    def palette(self) -> Palette:
        """Styles of the theme in force."""
        if self._palette is None:
            self._palette = palette_of(self.app.current_theme, self.app.theme_variables)
        return self._palette

    def _strips(self, index: int) -> list[Strip]:
        """A block's lines with the gap before it, drawn at most once for each look."""
        block, opened = self._blocks[index], index in self._opened
        key = (block, opened, self._width, self.palette.name)
        kept = self._drawn.get(index)
        if kept is not None and kept[0] == key:
            self._drawn.move_to_end(index)
            return kept[1]
        strips = [Strip([])] * self._gap(index)
        strips += draw(block, opened, self._width, self.palette)
        self._drawn[index], self._papered[index] = (key, strips), set()
        if len(self._drawn) > KEPT_BLOCKS:
            del self._papered[self._drawn.popitem(last=False)[0]]
        return strips

    def _on_paper(self, index: int, n: int) -> Strip:
        """One line of a block on its background: of a long answer that grows, few are in view."""
        strips = self._strips(index)
        if n not in self._papered[index]:
            paper = self.palette.paper
            strips[n] = strips[n].adjust_cell_length(self._width, paper).apply_style(paper)
            self._papered[index].add(n)
        return strips[n]

    def _line(self, y: int) -> tuple[Strip, int]:
        """Strip and block index of a content line."""
        index = self._heights.find(y)
        strips = self._strips(index)
        within = y - self._heights.top(index)
        if within >= len(strips):
            return Strip.blank(self._width, self.palette.paper), index
        return self._on_paper(index, within), index

    def _is_head(self, index: int, y: int) -> bool:
        return y - self._heights.top(index) == self._gap(index)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the view."""
        width, content_y = self._width, y + self.scroll_offset.y
        if content_y >= self._heights.total:
            return Strip.blank(width, self.palette.paper)
        line, index = self._line(content_y)
        if index == self._cursor and self.has_focus and self._is_head(index, content_y):
            line = laid(line, self.palette.cursor)
        selection = self.text_selection
        if selection is not None:
            line = selected(line, selection.get_span(content_y), self.palette.selected)
        return line.apply_offsets(0, content_y)

    # -- selection, folding, copying

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected words, without the blanks that fill lines."""
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self._heights.total - 1
        found = []
        for y in range(first, min(last, self._heights.total - 1) + 1):
            text = self._line(y)[0].text
            start, stop = selection.get_span(y) or (0, 0)
            found.append(text[start : None if stop == -1 else stop].rstrip())
        return "\n".join(found), "\n"

    def on_click(self, event: Click) -> None:
        """A click on a head line opens or folds its block."""
        if self.text_selection is not None or not self._blocks:
            return
        y = event.get_content_offset(self)
        if y is None:
            return
        line = y.y + self.scroll_offset.y
        if line >= self._heights.total:
            return
        index = self._heights.find(line)
        self._cursor = index
        if self._is_head(index, line):
            self.toggle(index)
        self.refresh()

    def on_focus(self) -> None:
        """Start at the last block in view."""
        if self._cursor is None and self._blocks:
            last = min(round(self.scroll_y) + self.size.height, self._heights.total) - 1
            self._cursor = self._heights.find(max(0, last))
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    def action_cursor(self, step: int) -> None:
        """Move to the block above or below and bring it into view."""
        if not self._blocks:
            return
        here = len(self._blocks) - 1 if self._cursor is None else self._cursor + step
        self._cursor = min(max(0, here), len(self._blocks) - 1)
        top = self._heights.top(self._cursor)
        bottom = top + self._heights[self._cursor]
        if top < self.scroll_y:
            self.scroll_to(y=top, immediate=True)
        elif bottom > self.scroll_y + self.size.height:
            self.scroll_to(y=min(top, bottom - self.size.height), immediate=True)
        self.refresh()

    def action_toggle(self) -> None:
        """Open or fold the block under the cursor."""
        if self._cursor is not None:
            self.toggle(self._cursor)

    def action_copy(self) -> None:
        """Copy the block under the cursor."""
        if self._cursor is not None:
            self.post_message(self.CopyAsked(text_of(self._blocks[self._cursor])))
