import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triagent.agent.redact import has_secret, redact
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
@settings(max_examples=300, deadline=None)
def test_clean_text_holds_no_control_and_is_clean_already(text):
    found = clean(text).text
    assert all(char in "\n\t" or (ord(char) >= 32 and not 127 <= ord(char) < 160) for char in found)
    assert clean(found).text == found


@given(PIECES, st.integers(1, 4))
@settings(max_examples=300, deadline=None)
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


def test_long_hostile_input_takes_no_long_time():
    import time

    began = time.monotonic()
    for text in ("\x1b[" * 200_000, "\x1b]" * 200_000, "a" * 50_000 + "\x08" * 50_000,
                 "\u200d" * 200_000,
                 "\x1b]" + "x" * 1_000_000, "=" * 200_000, "password=" * 20_000):  # fmt: skip
        clean(text)
        redact(text)
    assert time.monotonic() - began < 10


def test_shown_writes_everything_hidden_out():
    assert shown("a\u202eb\x1b[1m\n\u00a0é") == "a\\u202eb\\x1b[1m\\n\\xa0é"


def test_redaction_finds_keys_in_code_and_json():
    for text in ('{"api_key": "abcdef123456"}', "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7",
                 "client_secret: 'abcdefgh12345'"):  # fmt: skip
        assert has_secret(text) and redact(text) == redact(redact(text))
