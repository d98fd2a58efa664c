"""Tool-call dialects, and which of them a chat template speaks.

llama.cpp has parsers of its own (common/chat and its PEG parser). They are not used: they would
add some 30,000 lines of an unstable C++ interface to the build (measured with g++ -O2: 12 s for
chat.cpp, 18 s for peg-parser.cpp, 10 s and 13 s for two more of 35 files, up to 445 MB each),
they throw a whole call away when its markup is damaged, and they render whole conversations
from plain text, which can neither be appended to nor kept free of forged turns.
"""

from __future__ import annotations

from triagent.engine.formats import (
    gemma,
    harmony,
    headed,
    hermes,
    lists,
    minimax_m3,
    pythonic,
    xmlish,
)
from triagent.engine.formats.dialect import Dialect, Think

# The first whose signs are all in the template; special ones stand before general ones.
DIALECTS: tuple[Dialect, ...] = (
    harmony.HARMONY,
    gemma.GEMMA,
    minimax_m3.MINIMAX_M3,
    xmlish.MUSE,
    xmlish.KIMI_K3,
    xmlish.DSML,
    xmlish.SEED,
    xmlish.MINIMAX,
    xmlish.HUNYUAN,
    xmlish.MINICPM,
    xmlish.QWEN_CODER,
    xmlish.GLM,
    headed.FUNCTIONARY_32,
    headed.FUNCTIONARY_31,
    headed.KIMI,
    headed.SOLAR,
    headed.MISTRAL,
    headed.DEEPSEEK,
    lists.GIGACHAT,
    lists.MISTRAL_NEMO,
    lists.NEMOTRON_NANO,
    lists.COHERE,
    lists.COMMAND_R_PLUS,
    lists.APERTUS,
    lists.MINIMAX_M1,
    lists.APRIEL,
    lists.GRANITE_3,
    lists.FIREFUNCTION,
    pythonic.LFM,
    hermes.HERMES,
    pythonic.LLAMA,
)

_THINK_TAGS = (
    Think("<think>", "</think>"),
    Think("[THINK]", "[/THINK]"),
    Think("Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]"),
)


def detect(source: str) -> Dialect:
    """The dialect of a chat template; Hermes for templates that know no tools."""
    for dialect in DIALECTS:
        if all(sign in source for sign in dialect.signs):
            return dialect
    return hermes.HERMES


def think_tags(source: str, dialect: Dialect) -> Think | None:
    """The tags around a model's reasoning, None when its template knows none."""
    if dialect.think is not None:
        return dialect.think
    return next((tags for tags in _THINK_TAGS if tags.close in source), None)
