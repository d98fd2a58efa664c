"""What a start needs before there is a picture: each module that is not loaded is time saved."""

import os
import subprocess
import sys

LATER = (
    "argparse gguf huggingface_hub jinja2 markdown_it multiprocessing numpy pathspec psutil sqlite3"
    " tomllib tree_sitter_bash textual.widgets._markdown triagent.agent triagent.chat"
    " triagent.engine triagent.opening triagent.services triagent.session triagent.ui.actions"
    " triagent.ui.approve triagent.ui.complete triagent.ui.failure_panel triagent.ui.failures"
    " triagent.ui.feed triagent.ui.files triagent.ui.keymap triagent.ui.notify triagent.ui.offer"
    " triagent.ui.ports triagent.ui.prose triagent.ui.slash triagent.ui.state triagent.ui.worker"
)
START = f"""
import sys
from triagent import cli
from triagent.ui import app

async def begin(self):  # called when the first picture is there
    words = self.chat.transcript[0].text
    self.exit((words, [name for name in {LATER.split()} if name in sys.modules]))

def run(config, services, first):
    print(app.TriagentApp(config, services, first).run(headless=True, size=(80, 24)))
    return 0

app.TriagentApp._begin = begin
app.run = run
for stream in (sys.stdin, sys.stdout, sys.stderr):
    stream.isatty = lambda: True
sys.exit(cli.main([]))
"""


def test_the_first_picture_is_there_before_anything_is_loaded_that_it_does_not_show(tmp_path):
    env = {key: value for key, value in os.environ.items() if not key.startswith("TRIAGENT_")}
    env |= {f"XDG_{kind}_HOME": str(tmp_path) for kind in ("CONFIG", "DATA", "CACHE", "STATE")}
    done = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, env=env, timeout=120
    )
    words = "The model is being loaded. You can type already."
    assert (done.stdout, done.stderr) == (f"{(words, [])}\n", "")
