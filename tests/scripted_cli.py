"""The real command line in a process of its own, on a model that plays a script.

    python -m tests.scripted_cli SCRIPT ARGUMENTS...

Everything but the model is real: arguments, folders, sandbox, session, signals, exit status.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fakes import ScriptedModel, call, step
from triagent.chat import StopReason
from triagent.errors import EngineDied

STORIES = Path(__file__).parent / "data/models/stories260K-f32.gguf"
SCRIPTS = {
    "answer": ["It is so."],
    "tool": [step(call("bash", command="echo 7341")), "It is 7341."],
    "one-of-two": [step(call("read", path="nowhere"), call("bash", command="echo hi")), "Done so."],
    "all-failed": [step(call("read", path="nowhere"), call("read", path="never")), "I see."],
    "bash-failed": [call("bash", command="false"), "I see."],
    "refused": [call("bash", command="echo hi"), "As you like."],
    "write": [call("write", path="a.txt", content="x"), "I may not."],
    "lie": ["I have created the file."],
    "cut": [step("and so on", reason=StopReason.LENGTH)],
    "circles": [call("glob", pattern="*")] * 9,
    "dead": [EngineDied("the engine's process ended")],
    "slow": ["word " * 10_000],
    "command": [call("bash", command="echo begun; sleep 60"), "never"],
    "deaf": [call("bash", command="trap '' TERM INT; echo begun; sleep 60"), "never"],
    "odd": [call("glob", pattern="*"), "line\u2028separator é 漢 🦙"],
}


def main() -> int:
    from triagent import cli, opening

    name, *arguments = sys.argv[1:]
    pace_s = 0.01 if name == "slow" else 0.0
    model = ScriptedModel(SCRIPTS[name], budget=300, interval=8, pace_s=pace_s)
    opening.open_within_memory = lambda config, report: (model, config)
    return cli.main([*arguments, "--model", str(STORIES)] if arguments else [])


if __name__ == "__main__":
    sys.exit(main())
