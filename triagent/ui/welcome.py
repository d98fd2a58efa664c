"""The first screen of an empty session: what this model can do, and what to type."""

from __future__ import annotations

from triagent.chat import ModelInfo

SMALL_PARAMS = 200_000_000
"""Below this a model is treated as the kind that comes with triagent: honest about its limits."""

_SMALL = """\
**triagent** is running **{name}**, a tiny model that shows how it works on any machine. It can \
list, read, search and change small files and run simple commands. It cannot program, knows no \
facts, and follows only plain requests in English.

Try one of these:

- `list the files here`
- `create hello.txt with the text good morning`
- `which files mention port?`
"""

_LARGE = """\
**triagent** is running **{name}**. It reads, searches and edits files in this folder and runs \
commands. What would change something is shown first, and asked for in mode `{mode}`.

Try one of these:

- `what is in this folder?`
- `explain how the tests are run`
- `find every TODO and list them by file`
"""

_MEMORY = """\
Its memory is kept within {budget:,} cells: the least needed goes first. `F4` shows what it still \
holds, `/recall` brings words back.
"""


def welcome(info: ModelInfo, mode: str, budget: int, advice: str = "") -> str:
    """Markdown for an empty session.

    Args:
        info: the loaded model.
        mode: permission mode in force.
        budget: most cells kept after a round; 0 when unbounded.
        advice: which larger model fits this machine and how to get it; empty when unknown. It is
            for those whose model is the small one.
    """
    text = (_SMALL if info.n_params < SMALL_PARAMS else _LARGE).format(name=info.name, mode=mode)
    if budget:
        text += "\n" + _MEMORY.format(budget=budget)
    if advice and info.n_params < SMALL_PARAMS:  # else it is such a model already
        text += f"\n**A larger model:** {advice}\n"
    for note in info.notes:
        text += f"\n> {note}\n"
    return text + "\n`/` commands · `@` files · `Esc` interrupts · `F1` all keys\n"
