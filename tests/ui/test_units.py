from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.fakes import status
from triagent.agent import events as ev
from triagent.chat import Holding, Origin, Span, Usage
from triagent.ui import diff, heat, prose, safe, slash
from triagent.ui.blocks import (
    AnswerBlock,
    CardBlock,
    CardState,
    RecallBlock,
    ThinkingBlock,
    UserBlock,
)
from triagent.ui.complete import Completer
from triagent.ui.draw import draw
from triagent.ui.files import FileNames
from triagent.ui.heights import Heights
from triagent.ui.history import History
from triagent.ui.lines import cells, cut, words
from triagent.ui.meter import Status, amount, memory_line, state_line
from triagent.ui.notify import sequence
from triagent.ui.state import after
from triagent.ui.themes import DARK, palette_of
from triagent.ui.worker import Failed, join

PALETTE = palette_of(DARK, DARK.to_color_system().generate())


def text_of(lines):
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


# -- heights


@given(st.lists(st.integers(0, 30), max_size=40), st.data())
def test_heights_agree_with_sums_after_any_change(heights, data):
    tree = Heights()
    for height in heights:
        tree.append(height)
    for _ in range(3):
        if heights:
            at = data.draw(st.integers(0, len(heights) - 1))
            heights[at] = data.draw(st.integers(0, 30))
            tree.set(at, heights[at])
    assert [tree.top(i) for i in range(len(heights) + 1)] == [
        sum(heights[:i]) for i in range(len(heights) + 1)
    ]
    for line in range(sum(heights)):
        found = tree.find(line)
        assert tree.top(found) <= line < tree.top(found) + heights[found]


# -- text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;aGk=\x07after", "after"),
        ("a\u202eb\u200bc", "abc"),
        ("a\tb", "a   b"),
        ("one\r\ntwo", "one\ntwo"),
        ("bell\x07", "bell"),
    ],
)
def test_nothing_that_steers_the_terminal_is_drawn(raw, shown):
    assert safe.plain(raw) == shown


@given(st.text(max_size=200), st.integers(1, 40))
def test_wrapped_lines_fit_and_keep_all_letters(text, width):
    from rich.cells import cell_len

    for line in [*words(text, max(2, width)), *cells(text, max(2, width))]:
        assert cell_len(line) <= max(2, width)
    letters = "".join(safe.plain(text).split())
    assert "".join("".join(cells(text, max(2, width))).split()) == letters


def test_cut_marks_what_is_missing():
    assert cut("abcdef", 4) == "abc…"
    assert cut("abc", 3) == "abc"
    assert cut("日本語", 4) == "日…"


# -- Markdown

MARKDOWN = """\
# Title

Words with `code`.

- one

  still one
- two

```python
a = 1

b = 2
```

| a | b |
|---|---|
| 1 | 2 |

The end.
"""


def test_a_fence_and_a_loose_list_are_not_cut():
    pieces = prose.pieces(MARKDOWN)
    assert any("a = 1\n\nb = 2" in piece for piece in pieces)
    assert any("- one\n\n  still one\n- two" in piece for piece in pieces)
    assert len(pieces) >= 4


@pytest.mark.parametrize("n_lines", [40, 81, 200, 1000])
@pytest.mark.parametrize("blank", [0, 7, 13])
def test_long_code_is_drawn_in_parts_and_reads_the_same(n_lines, blank):
    code = [f"    line {n}" if not blank or n % blank else "" for n in range(1, n_lines + 1)]
    code[-1] = "end()"
    text = "\n".join(["```python", *code, "```"])
    parts = prose.code_parts(text)
    assert (len(parts) > 1) is (n_lines > prose.CODE_LINES)
    assert all(part.count("\n") <= 2 * prose.CODE_LINES + 2 for part in parts)
    drawn = text_of(prose.lines(text, 80, PALETTE))
    assert drawn == [f" {line}".rstrip() for line in code]
    open_end = text.removesuffix("\n```")  # as it is while it comes
    assert prose.code_parts(open_end) == parts or n_lines <= prose.CODE_LINES


def test_link_definitions_keep_a_text_whole():
    assert len(prose.pieces("[a]\n\nmore\n\n[a]: http://x.y")) == 1


def test_an_answer_ends_as_it_was_drawn_while_it_came():
    whole = prose.lines(MARKDOWN, 60, PALETTE)
    for stop in range(len(MARKDOWN)):
        prose.lines(MARKDOWN[:stop], 60, PALETTE)  # every cut can be drawn
    assert text_of(prose.lines(MARKDOWN, 60, PALETTE)) == text_of(whole)
    assert "Title" in text_of(whole)[0]


# -- diffs

DIFF = """\
--- a/x.py
+++ b/x.py
@@ -1,4 +1,4 @@ def f
 one
-two old
+two new
+three
 four
"""


def test_changed_lines_stand_across_with_their_words_marked():
    rows = diff.rows(DIFF)
    assert [row.heading for row in rows if row.heading] == ["x.py", "@@ line 1 def f"]
    changed = [row for row in rows if row.changed]
    assert (changed[0].old.text, changed[0].new.text) == ("two old", "two new")
    start, stop = changed[0].new.words[0]
    assert "new".startswith(changed[0].new.text[start:stop][:1])
    assert changed[1].old is None
    assert changed[1].new == diff.Half(3, "three")


def test_lines_that_look_like_headers_inside_a_hunk_are_changes():
    rows = diff.rows("--- a/x\n+++ b/x\n@@ -1,2 +1,1 @@\n--- gone\n keep\n")
    assert [row.old.text for row in rows if row.changed] == ["-- gone"]


# -- slash commands and completion


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("/help", ("help", "")),
        ("/rename a b ", ("rename", "a b")),
        ("/usr/bin is full", None),
        ("what is /help", None),
        ("/a\nb", None),
    ],
)
def test_only_a_command_is_taken_for_one(text, parsed):
    assert slash.parse(text) == parsed


def test_the_command_that_was_meant_is_found():
    assert slash.nearest("memroy") == "memory"
    assert slash.nearest("zzzz") == ""


def test_completion_of_commands_arguments_and_files():
    completer = Completer(lambda part: ["src/parse.py"] if "par" in part else [])
    assert "/memory" in [c.text for c in completer.complete("/mem").choices]
    assert [c.text for c in completer.complete("/mode re").choices] == ["read-only"]
    found = completer.complete("look at @par")
    assert (found.n_typed, found.choices[0].text) == (4, "@src/parse.py ")
    assert not completer.complete("mail me@par").choices


def test_ignored_files_are_not_offered(tmp_path):
    (tmp_path / ".gitignore").write_text("*.log\nbuild/\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / ".gitignore").write_text("!keep.log\nsecret.py\n")
    for name in ("a.py", "a.log", "src/b.py", "src/keep.log", "src/secret.py"):
        (tmp_path / name).write_text("x")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "out.py").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    names = set(FileNames(tmp_path).find("", 50))
    assert names == {".gitignore", "a.py", "src/.gitignore", "src/b.py", "src/keep.log"}
    assert FileNames(tmp_path).find("b")[0] == "src/b.py"


def test_history_is_kept_and_walked_without_losing_the_draft(tmp_path):
    history = History(lambda: tmp_path / "history.jsonl")
    history.add("one")
    history.add("two\nlines")
    again = History(lambda: tmp_path / "history.jsonl")
    assert again.older("draft") == "two\nlines"
    assert again.older("two\nlines") == "one"
    assert again.older("one") is None
    assert again.newer() == "two\nlines"
    assert again.newer() == "draft"
    assert again.newer() is None


def test_a_damaged_history_is_no_obstacle(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(b'"good"\n{"no": 1}\n\xff\xfe\n"torn')
    assert History(lambda: path).older("") == "good"


# -- events to status


def test_status_follows_a_turn():
    now = after(Status(), ev.TurnStarted(1, "x"))
    assert now.busy
    now = after(now, ev.Prefilling(50, 200, 400.0))
    assert (now.phase, now.share, now.rate_tps) == ("reading", 0.25, 400.0)
    now = after(now, ev.AnswerText("a"))
    assert (now.phase, now.share) == ("writing", None)
    ended = ev.TurnEnded(1, ev.Outcome.DONE, "", 1, 0, 0, (), Usage(0, 10, 0, 2), 2.0, status())
    now = after(now, ended)
    assert (now.busy, now.phase, now.rate_tps) == (False, "ready", 5.0)
    assert now.cache == status()
    assert not after(Status(busy=True), Failed("turn", ValueError("x"))).busy


def test_neighbors_are_joined_and_order_is_kept():
    items = [
        ev.AnswerText("a"), ev.AnswerText("b"), ev.Prefilling(1, 9, 1.0), ev.Prefilling(2, 9, 1.0),
        ev.ToolOutput("1", "x"), ev.ToolOutput("2", "y"), ev.ToolOutput("2", "z"),
        ev.AnswerText("c"),
    ]  # fmt: skip
    assert join(items) == [
        ev.AnswerText("ab"), ev.Prefilling(2, 9, 1.0), ev.ToolOutput("1", "x"),
        ev.ToolOutput("2", "yz"), ev.AnswerText("c"),
    ]  # fmt: skip


# -- meter


@pytest.mark.parametrize("width", [20, 40, 78, 118, 158])
def test_the_meter_never_exceeds_its_width(width):
    full = Status("reading", True, 0.5, 1234.0, status(), "a-model", "ask", "bwrap", "Esc stops")
    assert memory_line(status(), width, PALETTE).cell_len <= max(width, 40)
    assert state_line(full, width, PALETTE).cell_len <= max(width, 40)


def test_the_meter_says_what_the_cache_holds():
    line = memory_line(status(), 158, PALETTE).plain
    for fact in ("1,024/1,024 cells", "388 pinned", "16.2 MiB", "36.1 MiB", "12 rounds"):
        assert fact in line
    assert amount(512) == "512 B"
    assert amount(3 * 2**30) == "3.0 GiB"


# -- notifications


def test_notifications_suit_the_terminal_and_carry_no_escapes():
    assert sequence("a", "b\x1b]0;x\x07", {"TERM": "xterm"}) == "\x1b]9;a: b\x07"
    assert sequence("a", "b", {"TERM": "foot"}).startswith("\x1b]777;notify;a;b")
    inside = sequence("a", "b", {"TERM": "tmux-256color", "TMUX": "1"})
    assert inside.startswith("\x1bPtmux;\x1b\x1b]9;") and inside.endswith("\x1b\\")


# -- the heat-map's data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<|im_end|>\n<|im_start|>user\nwhich port?<|im_end|>\n<|im_start|>assistant\n",
         "which port?"),
        ("<start_of_turn>model\nIt is 1<2.<end_of_turn>\n", "It is 1<2."),
        ("<s>[INST] a <b> c [/INST]", "a <b> c"),
        ("user assistant <|", "user assistant <|"),
    ],
)  # fmt: skip
def test_a_row_shows_words_and_not_the_frame_of_the_template(text, words):
    spans = [Span(Origin.USER, 0, (1, 2), text)]
    holding = Holding(2, [1.0, 1.0], [0.5, 0.5], [False, False])
    assert heat.picture(spans, holding, {1: 0}, (), status()).rows[0].text == words


def test_the_picture_knows_share_score_and_what_the_last_round_took():
    nan = math.nan
    spans = [
        Span(Origin.SYSTEM, 0, (1, 2), "sys"),
        Span(Origin.USER, 2, (3, 4), "hello"),
        Span(Origin.MODEL, 4, (5,), "an", True),
        Span(Origin.MODEL, 5, (6,), "swer", True),
    ]
    score = [nan, nan, 0.2, 0.4, nan, nan]
    holding = Holding(6, [1, 1, 0, 0.5, 1, 1], score, [True] * 2 + [False] * 4)
    found = heat.picture(spans, holding, {1: 2}, ((2, 3),), status())
    assert [(r.turn, r.who, r.start, r.stop) for r in found.rows] == [
        (0, "system", 0, 2), (1, "you", 2, 4), (1, "answer", 4, 6),
    ]  # fmt: skip
    system, user, answer = found.rows
    assert system.pinned and not user.pinned
    assert (user.share, user.n_lost, user.score) == (0.25, 1, pytest.approx(0.3))
    assert answer.text == "answer" and answer.score is None
    assert found.row_at(3) == 1
    assert [heat.level(x) for x in (0, 0.1, 0.4, 0.8, 1.0)] == [0, 1, 2, 3, 4]


SECRET = "ghp_" + "a1B2" * 9


@pytest.mark.parametrize(
    "block",
    [
        UserBlock(f"use {SECRET} for it"),
        AnswerBlock(f"The token is `{SECRET}`."),
        AnswerBlock(f"The token is {SECRET}", live=True),
        ThinkingBlock(f"they gave {SECRET}", seconds=1.0),
        CardBlock("bash", f"echo {SECRET}", CardState.OK, output=f"x\n{SECRET}\n"),
        CardBlock("edit", "a.env", CardState.OK,
                  diff=f"@@ -1 +1 @@\n-T={SECRET}\n+T={SECRET}9\n"),
        RecallBlock(2, f"[recalled] turn 2: {SECRET}"),
    ],
    ids=lambda block: type(block).__name__,
)  # fmt: skip
@pytest.mark.parametrize("opened", [False, True])
def test_t14_no_secret_is_drawn(block, opened):
    drawn = "\n".join(strip.text for strip in draw(block, opened, 120, PALETTE))
    assert "a1B2a1B2" not in drawn
    if opened or not isinstance(block, CardBlock):
        assert "[redacted GitHub token]" in drawn
