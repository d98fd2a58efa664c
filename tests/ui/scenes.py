"""States of the app worth looking at, each made by keys on a played session.

The same scenes are compared with accepted pictures by the tests and drawn for the README.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from textual.events import Paste
from textual.widgets import TextArea

from tests.ui.fakes import (
    INFO,
    USAGE,
    KeptSessions,
    ListedModels,
    Opener,
    PlayedAgent,
    asking,
    events,
    failing,
    say,
    status,
    tool,
    turns,
)
from triagent.agent import events as ev
from triagent.agent.trust import File, Question
from triagent.chat import Origin, Span, ToolCall
from triagent.config import Config, UiConfig
from triagent.errors import (
    EngineDied,
    MemoryShortError,
    ModelError,
    NativeError,
    SessionError,
    UnsupportedError,
)
from triagent.settings import Setting
from triagent.ui.app import TriagentApp
from triagent.ui.ports import ModelRow, Services, SessionRow
from triagent.ui.settings import SettingsScreen

DIFF = """\
--- a/src/parse.py
+++ b/src/parse.py
@@ -10,5 +10,6 @@ def parse(text: str) -> Query:
     words = []
     for token in tokens(text):
-        if token.kind == "word":
-            words.append(token.text)
+        if token.kind in ("word", "number"):
+            words.append(token.text.casefold())
+    words = [word for word in words if word not in STOP]
     return Query(words)
"""
ANSWER = """\
The test fails because `parse` keeps the case of a word, while `match` compares in lower case.

1. `src/parse.py` now folds the case
2. numbers count as words
3. stop words are left out

```python
def parse(text: str) -> Query:
    # The index is folded in the same way.
    return Query([word.casefold() for word in words(text)])
```

| test | before | now |
|------|--------|-----|
| `test_case` | failed | passes |
| `test_number` | failed | passes |
"""
THOUGHT = """\
The failing assertion compares "Budget" with "budget". The index is folded when it is built, \
so the query has to be folded as well. Numbers are another kind of token; they are dropped now.
"""
OUTPUT = "\n".join(f"tests/test_parse.py::test_{n:02d} PASSED" for n in range(30)) + "\n30 passed"

WORK = turns(
    events(*(ev.ThinkingText(word + " ") for word in THOUGHT.split())),
    tool("read", "import re\n\n\ndef parse(text):\n    ...\n", path="src/parse.py"),
    tool("grep", "tests/test_parse.py:14: assert parse(text)", pattern="parse\\(", path="tests"),
    events(ev.RoundDone(128, 2310, ((640, 700),), 3.1)),
    tool("edit", "src/parse.py: 1 place changed", diff=DIFF, path="src/parse.py"),
    tool("bash", OUTPUT, command="python -m pytest -q tests/test_parse.py"),
    say(ANSWER),
)


def story() -> list[Span]:
    """Tokens of a session with a long past."""
    parts = [(Origin.SYSTEM, 388, "You are triagent, an assistant that works with tools.")]
    asks = ("what is in this folder?", "how are the tests run?", "why does test_case fail?")
    for number in range(9):
        words = asks[number % 3]
        parts += [
            (Origin.USER, 14, words),
            (Origin.THINKING, 60 + 11 * number, "The user wants to know. I should look first."),
            (Origin.CALL, 22, '{"name": "read", "arguments": {"path": "src/parse.py"}}'),
            (Origin.TOOL, 180 - 9 * number, "import re\n\n\ndef parse(text):\n    ..."),
            (Origin.MODEL, 70, "The folder holds a parser, its tests and a README."),
        ]
    found, pos = [], 0
    for origin, n, text in parts:
        found.append(Span(origin, pos, tuple(range(n)), text, origin is not Origin.USER))
        pos += n
    return found


SESSIONS = [
    SessionRow("20261122-0001", "fix the parser's tests", "today 14:02", 9, 8412, "demo-28m"),
    SessionRow("20261121-0003", "what is in this folder?", "yesterday", 3, 1290, "demo-28m"),
    SessionRow(
        "20261119-0001", "rename the settings", "19 Nov", 41, 88017, "Qwen3-8B-Q4_K_M",
        "turn 7: the budget is read from the file before the environment",
    ),
]
MODELS = [
    ModelRow(
        "demo-28m", Path("/models/demo-28m.gguf"), "31 MB", "fits: CPU, 4k cells", True, "ready",
        about="comes with triagent; reads, lists and searches files",
    ),
    ModelRow(
        "Qwen3-8B-Q4_K_M", None, "5.0 GB", "fits: 36 of 36 layers on the GPU, 12k cells", True,
        "missing", "Qwen/Qwen3-8B-GGUF", "a good all-round tool user",
    ),
    ModelRow(
        "Qwen3-32B-Q4_K_M", None, "19.8 GB", "does not fit: needs 22.4 GB, there are 11.6 GB",
        False, "missing", "Qwen/Qwen3-32B-GGUF", "slower and better",
    ),
]
Steps = Callable[..., Awaitable[None]]

ADVICE = "`Qwen3-8B-Q4_K_M` fits this machine (5.0 GB, 12k cells): `triagent models pull qwen3-8b`"


def make(
    agent: PlayedAgent | BaseException | None = None,
    theme: str = "triagent-dark",
    opener: Opener | None = None,
    lacking: bool = False,
) -> TriagentApp:
    """An app on a played session, with everything that moves held still."""
    config = Config(
        ui=UiConfig(theme=theme, motion=False), workspace=Path(__file__).parent / "workspace"
    )
    services = Services(
        start=opener or Opener(agent or PlayedAgent()),
        sessions=KeptSessions(list(SESSIONS)),
        models=ListedModels(MODELS, lacking=lacking),
        advice=lambda: ADVICE,
    )
    return TriagentApp(config, services, grace_s=0.0, clock=lambda: 0.0)


@dataclass(frozen=True)
class Scene:
    """An app and what is done to it before it is looked at."""

    app: Callable[[str], TriagentApp]
    """Makes the app for a theme."""
    steps: Steps


async def settled(pilot, busy: bool | None = False) -> None:
    """Wait until the thread has said all it has to say.

    Args:
        busy: whether a turn still runs then; None: either will do.
    """
    app, calm = pilot.app, 0
    for _ in range(60 if busy else 400):
        await pilot.pause(0.01)
        waits = app._waiting or app._drain_due or app.thread is None or app.thread._inbox
        starting = app.chat.status.phase in ("starting", "opening", "stopping")
        wrong = busy is not None and app.chat.busy != busy
        calm = 0 if waits or starting or wrong else calm + 1
        if calm == 2:
            break
    looking = [w for w in app.workers if w.group in ("sessions", "models", "complete")]
    if looking:
        await app.workers.wait_for_complete(looking)
    await pilot.pause()


def keys(*names: str, busy: bool = False) -> Steps:
    """Press keys one after another; what begins with a quote is typed."""

    async def steps(pilot) -> None:
        await settled(pilot, None)
        for name in names:
            if not name.startswith("'"):
                await pilot.press(name)
            elif isinstance(pilot.app.focused, TextArea):
                pilot.app.focused.insert(name[1:])
            else:
                await pilot.press(*_typed(name[1:]))
            await settled(pilot, None)
        await settled(pilot, busy)

    return steps


SETTINGS = (
    Setting("model.path", Path | None, None, "GGUF file to run. None: the one that is included."),
    Setting("model.threads", int, 0, "CPU threads for decoding; 0: physical cores less one."),
    Setting("cache.budget", int | None, None, "Most cells kept after a round. None: by memory."),
    Setting("cache.n_window", int, 64, "Most recent positions, never evicted."),
    Setting("ui.theme", str, "dark", "Name of a theme, see the command palette."),
    Setting("ui.mouse", bool, True, "Capture the mouse; off leaves selection to the terminal."),
)
"""A few settings in fixed words, so that no picture depends on a description."""


def opened_settings(*names: str) -> Steps:
    """Open the settings screen on `SETTINGS` and press keys."""

    async def steps(pilot) -> None:
        await settled(pilot)
        pilot.app.push_screen(SettingsScreen(pilot.app.config, SETTINGS))
        await keys(*names)(pilot)

    return steps


def _typed(text: str) -> list[str]:
    special = {" ": "space", "/": "slash", "@": "at", "?": "question_mark", ".": "full_stop"}
    return [special.get(letter, letter) for letter in text]


def on(agent: Callable[[], PlayedAgent | BaseException]) -> Callable[[str], TriagentApp]:
    """An app that opens this agent."""
    return lambda theme: make(agent(), theme)


def loading(theme: str) -> TriagentApp:
    opener = Opener(PlayedAgent())
    opener.gate = threading.Event()
    return make(opener=opener, theme=theme)


def held(*before: ev.Event) -> Callable[[PlayedAgent, str], object]:
    """A turn that shows these events and then goes on forever, quietly."""

    def turn(agent: PlayedAgent, text: str):
        yield ev.StepStarted(agent.turn, 1)
        yield from before
        agent._stop.wait(20)

    return turn


def past() -> list[ev.Event]:
    """Twelve earlier turns."""
    found: list[ev.Event] = []
    for turn in range(1, 13):
        call = ToolCall(f"c{turn}", "read", {"path": f"src/module_{turn:02d}.py"})
        found += [
            ev.TurnStarted(turn, f"what does module {turn} do?"),
            ev.ThinkingText("I should read it first."),
            ev.ToolProposed(call, "read"),
            ev.ToolStarted(call),
            ev.ToolEnded(call.id, True, "def run():\n    ...", 0.02),
            ev.RoundDone(128, 200 * turn, (), 2.9),
            ev.AnswerText(f"Module **{turn}** starts the work and waits for its end."),
            ev.TurnEnded(turn, ev.Outcome.DONE, "", 2, 1, 0, (), USAGE, 3.4, status()),
        ]
    return found


def large(*notes: str) -> PlayedAgent:
    info = replace(INFO, name="Qwen3-8B-Q4_K_M", n_params=8_190_000_000, n_ctx=40960, notes=notes)
    return PlayedAgent(info=info, title="")


class Asking:
    """A workspace whose files have to be trusted first."""

    def __init__(self, is_changed: bool) -> None:
        files = [File("AGENTS.md", RULES, 0)]
        if is_changed:
            files.append(File(".triagent/skills/release/SKILL.md", HIDDEN, 0o111))
        self._question = Question(Path("/home/ada/parser"), "0", tuple(files), is_changed)

    def question(self, what) -> Question:
        return self._question

    def accept(self, question: Question) -> None:
        pass


def asked_to_trust(is_changed: bool) -> Callable[[str], TriagentApp]:
    """An app on a project that brings instructions along."""

    def app(theme: str) -> TriagentApp:
        made = make(theme=theme)
        made._services = replace(made._services, projects=Asking(is_changed))
        return made

    return app


def with_keys(**keys: str) -> Callable[[str], TriagentApp]:
    """An app whose settings hold keys of one's own; `__` stands for the dot."""

    def app(theme: str) -> TriagentApp:
        made = make(PlayedAgent(title=""), theme)
        own = {name.replace("__", "."): key for name, key in keys.items()}
        config = replace(made.config, ui=replace(made.config.ui, keys=own))
        return TriagentApp(config, made._services, grace_s=0.0, clock=lambda: 0.0)

    return app


def failed(why: str) -> Callable[[PlayedAgent, str], object]:
    """A turn that ends with this reason, as the agent itself ends it."""

    def turn(agent: PlayedAgent, text: str):
        yield ev.StepStarted(agent.turn, 1)
        yield ev.AnswerText("I have read the three files. The first one ")
        agent.outcome, agent.why = ev.Outcome.FAILED, why

    return turn


def pasted(text: str) -> Steps:
    """Paste into the prompt."""

    async def steps(pilot) -> None:
        await settled(pilot)
        pilot.app.chat.prompt.area.insert("what went wrong here? ")
        pilot.app.chat.prompt.area.post_message(Paste(text))
        await settled(pilot)

    return steps


ROUNDS = turns(
    say("The first part of the log is read.\n"),
    events(ev.RoundDone(128, 2310, (), 2.9, 12), ev.RoundDone(128, 2438, ((640, 700),), 3.4, 13)),
    tool("read", "line 1\nline 2\n", path="logs/tuesday.log"),
    events(ev.RoundDone(128, 2566, ((700, 812),), 3.0, 14)),
    say("Nothing unusual until 14:02. Then the queue was full."),
    events(ev.RoundDone(128, 2694, (), 3.1, 15), ev.CacheChanged(status(2694, 1024, 15))),
)


RM = asking(
    "bash", ["git fetch origin", "git log --oneline main..origin/main", "rm -rf build"],
    command="git fetch origin && git log --oneline main..origin/main && rm -rf build",
    may_always=False,
)
MISSING = ModelError(
    "no model file at /models/qwen3-8b.gguf; `triagent models` lists what is installed"
)
SMALL_GPU = MemoryShortError(
    "llama.cpp refused it: unable to allocate CUDA0 buffer of 22.4 GiB, 11.6 GiB are free\n"
    "Every smaller setting was tried. Choose a smaller model: triagent models list"
)
SHORT_NOTE = (
    "Memory was short: it runs with 27 of 36 layers on the GPU, a budget of 4,096, a cache of q8_0."
)
NO_LIBRARY = NativeError(
    "the patched library is not installed (/usr/lib/triagent_native/lib holds none); rebuild it: "
    "pip install . in triagent's checkout"
)
DAMAGED = SessionError(
    "/home/ada/.local/share/triagent/sessions/20261122-0001/log.jsonl is damaged at byte 40,962; "
    "triagent sessions check says what can be read"
)
FULL_LOG = (
    "the disk is full (No space left on device): /home/ada/.local/share/triagent/sessions/"
    "20261122-0001/log.jsonl cannot be written. What was recorded is safe; free some space, then "
    "say it again"
)
RULES = b"""# Parser

Run the tests with `python -m pytest -q`. Keep functions short.
Never touch `generated/`.
"""
HIDDEN = "Tag it,\u200b push it.\x1b]52;c;eA==\x07\n".encode()
REFUSED = UnsupportedError(
    "architecture rwkv7 keeps a recurrent state and no cells, so nothing can be evicted; choose "
    "a transformer model, or run this one unbounded with --policy none"
)
DIED = EngineDied("the engine ended with signal 11 while decoding; its log is engine.log")
FULL = OSError(28, "No space left on device", "/sessions/20261122-0001/log.jsonl")

SCENES: dict[str, Scene] = {
    "loading": Scene(loading, keys(busy=True)),
    "welcome": Scene(on(lambda: PlayedAgent(title="")), keys()),
    "welcome-large": Scene(on(large), keys()),
    "offer": Scene(lambda theme: make(PlayedAgent(title=""), theme, lacking=True), keys()),
    "measuring": Scene(
        lambda theme: make(PlayedAgent(title=""), theme, lacking=True), keys("ctrl+k", busy=True)
    ),
    "work": Scene(on(lambda: PlayedAgent([WORK])), keys("'fix the failing test", "enter")),
    "work-opened": Scene(
        on(lambda: PlayedAgent([WORK])),
        keys("'fix the failing test", "enter", "ctrl+t", "home", *["up"] * 8, "down", "enter",
             "down", "enter"),
    ),
    "output-opened": Scene(
        on(lambda: PlayedAgent([tool("bash", OUTPUT, command="pytest -q")])),
        keys("'run them", "enter", "ctrl+t", "up", "enter"),
    ),
    "reading": Scene(
        on(lambda: PlayedAgent([held(ev.StepStarted(1, 1), ev.Prefilling(1536, 4096, 812.0))])),
        keys("'read all of it", "enter", busy=True),
    ),
    "thinking": Scene(
        on(lambda: PlayedAgent([held(ev.ThinkingText(THOUGHT))])),
        keys("'why?", "enter", busy=True),
    ),
    "queue": Scene(
        on(lambda: PlayedAgent([held(ev.AnswerText("I am looking at the files now. "))])),
        keys("'go", "enter", "'then run the tests", "enter", "'and commit", "enter", busy=True),
    ),
    "approval-command": Scene(
        on(lambda: PlayedAgent([RM])), keys("'update", "enter", busy=True)
    ),
    "approval-edit": Scene(
        on(lambda: PlayedAgent([asking("edit", ["src/parse.py"], DIFF, path="src/parse.py")])),
        keys("'fix it", "enter", busy=True),
    ),
    "denied": Scene(on(lambda: PlayedAgent([RM])), keys("'update", "enter", "n")),
    "interrupted": Scene(
        on(lambda: PlayedAgent([held(ev.AnswerText("The first thing to do is "))])),
        keys("'go", "enter", "escape"),
    ),
    "tool-failed": Scene(
        on(lambda: PlayedAgent([turns(
            tool("edit", "old text is not in src/a.py; the closest lines are 10-14", ok=False,
                 path="src/a.py"),
            events(ev.Notice("warning", "the model repeats itself; it was told so"),
                   ev.Recalled(9, "[recalled] [turn 2, you] the port is 8432")),
            say("The port is **8432**."),
        )])),
        keys("'which port?", "enter"),
    ),
    "resumed": Scene(on(lambda: PlayedAgent(earlier=past())), keys()),
    "slash": Scene(on(PlayedAgent), keys("'/", "down", "down")),
    "files": Scene(on(PlayedAgent), keys("'look at @pa")),
    "palette": Scene(on(PlayedAgent), keys("ctrl+p")),
    "help": Scene(on(PlayedAgent), keys("f1")),
    "memory": Scene(
        on(lambda: PlayedAgent([events(ev.RoundDone(128, 2310, ((402, 462),), 3.1))],
                               story=story())),
        keys("'go", "enter", "f4", "up", "up"),
    ),
    "memory-changed": Scene(
        on(lambda: PlayedAgent(story=story())),
        keys("f4", "p", *["up"] * 8, "f", "up"),
    ),
    "sessions": Scene(on(PlayedAgent), keys("f2", "down")),
    "sessions-delete": Scene(on(PlayedAgent), keys("f2", "down", "ctrl+d")),
    "models": Scene(on(PlayedAgent), keys("f3", "down")),
    "models-download": Scene(on(PlayedAgent), keys("f3", "down", "enter")),
    "settings": Scene(on(PlayedAgent), opened_settings("down", "down")),
    "settings-search": Scene(on(PlayedAgent), opened_settings("'most")),
    "model-missing": Scene(on(lambda: MISSING), keys()),
    "gpu-too-small": Scene(on(lambda: SMALL_GPU), keys()),
    "memory-short": Scene(on(lambda: large(SHORT_NOTE)), keys()),
    "library-missing": Scene(on(lambda: NO_LIBRARY), keys()),
    "session-damaged": Scene(on(lambda: DAMAGED), keys("down")),
    "model-refused": Scene(on(lambda: REFUSED), keys()),
    "engine-died": Scene(on(lambda: PlayedAgent([failing(DIED)])), keys("'go", "enter")),
    "disk-full": Scene(on(lambda: PlayedAgent([failing(FULL)])), keys("'go", "enter")),
    "turn-unrecorded": Scene(
        on(lambda: PlayedAgent([failed(FULL_LOG)])), keys("'summarize the logs", "enter")
    ),
    "trust": Scene(asked_to_trust(False), keys(busy=True)),
    "trust-changed": Scene(asked_to_trust(True), keys("down", busy=True)),
    "mode-full": Scene(
        on(lambda: PlayedAgent([tool("bash", "1 passed", command="make test")], mode="full",
                               confinement="none")),
        keys("'run the tests", "enter"),
    ),
    "no-sandbox": Scene(
        on(lambda: PlayedAgent([RM], confinement="none")), keys("'update", "enter", busy=True)
    ),
    "rounds": Scene(on(lambda: PlayedAgent([ROUNDS])), keys("'read the logs", "enter")),
    "streaming": Scene(
        on(lambda: PlayedAgent([held(ev.AnswerText(ANSWER[:330]))])),
        keys("'why does it fail?", "enter", busy=True),
    ),
    "steered": Scene(
        on(lambda: PlayedAgent([held(ev.AnswerText("I am looking at `src/a.py` first. "))])),
        keys("'go", "enter", "'not that file: b.py", "ctrl+s", busy=True),
    ),
    "pasted": Scene(on(PlayedAgent), pasted(OUTPUT)),
    "models-centers": Scene(
        on(lambda: PlayedAgent(info=replace(INFO, path=Path("/models/other.gguf")))),
        keys("f3", "ctrl+k"),
    ),
    "sessions-search": Scene(on(PlayedAgent), keys("f2", "'budget")),
    "wrong-key": Scene(with_keys(app__memroy="f6", app__models="f5"), keys()),
    "leaving": Scene(on(lambda: PlayedAgent(earlier=past())), keys("ctrl+c")),
}
