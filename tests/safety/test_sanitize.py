import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triagent.agent.redact import redact
from triagent.agent.sanitize import Cleaner, clean, shown

HOSTILE = [
    "\x1b[31m", "\x1b]52;c;x\x07", "\x1b]0;t\x1b\\", "\x1b", "\x1b[", "\x9b1m", "\r\n", "\r",
    "\x08", "\u202e", "\u200b", "\u200d", "\ufe0f", "\U000e0041",
]  # fmt: skip
PIECES = st.lists(
    st.one_of(
        st.text(max_size=5),
        st.sampled_from(HOSTILE),
    ),
    max_size=12,
).map("".join)


@given(PIECES)
@settings(max_examples=150, deadline=None)
def test_clean_text_holds_no_control_and_is_clean_already(text):
    found = clean(text).text
    assert all(char in "\n\t" or (ord(char) >= 32 and not 127 <= ord(char) < 160) for char in found)
    assert clean(found).text == found


@given(PIECES, st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_a_stream_cut_anywhere_never_lets_an_escape_through(text, size):
    cleaner = Cleaner()
    found = "".join(cleaner.feed(text[at : at + size]) for at in range(0, len(text), size))
    found += cleaner.finish()
    assert all(char in "\n\t" or (ord(char) >= 32 and not 127 <= ord(char) < 160) for char in found)


@pytest.mark.parametrize(
    "text",
    ["", "plain\n\ttext", "naïve café", "日本語", "👨‍👩‍👧 ☺️ 1️⃣", "می‌خواهم", "क्‍ष", "α→β", "𝕏"],
)
def test_ordinary_text_of_any_script_is_left_as_it_is(text):
    found = clean(text)
    assert found.text == text and not found.note


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("N\x08Name_\x08_", "Name_"),
        ("\x1b[1;31mred\x1b[m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\u200bb\u200dc\ufe0fd", "abcd"),
        ("\x1b]0;never ended", ""),
    ],
)
def test_what_is_removed_takes_nothing_else_with_it(text, expected):
    assert clean(text).text == expected


LONG = ["\x1b[", "\x1b]", "\u200d", "=", "password=", "\x1b]" + "x" * 50, "a\x08", "eyJ" * 9, "a://b:"]


@pytest.mark.parametrize("piece", LONG, ids=ascii)
def test_twice_the_hostile_text_takes_about_twice_the_time(piece):
    def spent(n_chars):
        text = (piece * n_chars)[:n_chars]
        text += "\x08" * (n_chars // 2 if "\x08" in piece else 0)
        began = time.process_time()
        clean(text)
        redact(text)
        return time.process_time() - began

    spent(1000)
    assert spent(80_000) < 12 * spent(20_000) + 0.05  # four times; sixteen would be its square


def test_shown_writes_everything_hidden_out():
    assert shown("a\u202eb\x1b[1m\n\u00a0é") == "a\\u202eb\\x1b[1m\\n\\xa0é"


def test_redaction_finds_keys_in_code_and_json():
    for text in ('{"api_key": "abcdef123456"}', "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7",
                 "client_secret: 'abcdefgh12345'"):  # fmt: skip
        assert redact(text) != text and redact(text) == redact(redact(text))
