"""Mode full: given by flag for one run, stored nowhere, taken up by no resume, shown in red."""

from __future__ import annotations

import pytest

from tests.fakes import call, step
from tests.safety.desk import RealDesk
from tests.ui.fakes import PlayedAgent
from tests.ui.pilot import drive
from tests.ui.scenes import make
from triagent import cli
from triagent.agent.ports import Allowed, Ask
from triagent.config import MODES
from triagent.errors import ConfigError
from triagent.ui.themes import DARK, LIGHT


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    return tmp_path


def test_the_flag_gives_it_and_neither_file_nor_variable_do(home, monkeypatch, capsys):
    assert cli.main(["config", "--mode", "full"]) == 0
    assert '# from flag\nmode = "full"' in capsys.readouterr().out
    monkeypatch.setenv("TRIAGENT_AGENT_MODE", "full")
    assert cli.main(["config"]) == 2
    assert "TRIAGENT_AGENT_MODE is not allowed" in capsys.readouterr().err
    monkeypatch.delenv("TRIAGENT_AGENT_MODE")
    file = home / "config/triagent/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[agent]\nmode = "full"\n')
    assert cli.main(["config"]) == 2
    told = capsys.readouterr().err
    assert str(file) in told and "given by flag only, for one run" in told
    assert cli.main(["config", "--mode", "full"]) == 2  # the file is wrong all the same


def test_a_session_in_it_stores_nothing_of_it_and_goes_on_asking(tmp_path):
    desk = RealDesk(tmp_path, mode="full")
    agent = desk.agent([step(call("write", path="a", content="x")), "done"])
    assert not [e for e in agent.turn("write") if type(e).__name__ == "ApprovalAsked"]
    agent.session.close()
    agent.machine.close()
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file() and "blobs" not in path.parts:
            assert b'"mode":"full"' not in path.read_bytes().replace(b" ", b""), path
            assert b"mode full" not in path.read_bytes(), path
    again = RealDesk(tmp_path, mode="ask")
    resumed = again.agent(["ok"], again.store.open(agent.session_id))
    assert resumed.mode == "ask"
    verdict = resumed.machine.gate.check(
        call("write", path="b", content="x").call, resumed._tools["write"],
        resumed.machine.workspace,
    )  # fmt: skip
    assert isinstance(verdict, Ask) and not isinstance(verdict, Allowed)
    with pytest.raises(ConfigError, match="at start only"):
        resumed.set_mode("full")
    again.close()
    desk.close()


def inks_of_the_state_line(mode: str, theme: str) -> tuple[str, list]:
    """The last line of the meter as it is drawn: its text, and the color of each visible piece."""

    async def steps(pilot):
        await pilot.pause()
        strips = pilot.app.screen._compositor.render_strips()
        [line] = [strip for strip in strips if f"mode {mode}" in strip.text]
        return line.text, [x.style.color for x in line if x.text.strip() and x.style]

    agent = PlayedAgent()
    agent.mode = mode
    return drive(make(agent, theme=theme), steps, size=(120, 30))


def is_red(ink) -> bool:
    red, green, blue = ink.get_truecolor()
    return red > 1.3 * green and red > 1.3 * blue


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_it_is_shown_in_red_and_no_other_mode_is(theme):
    text, inks = inks_of_the_state_line("full", theme.name)
    assert "mode full" in text and inks
    assert all(map(is_red, inks)), inks
    for mode in MODES[:-1]:
        _, others = inks_of_the_state_line(mode, theme.name)
        assert others and not any(map(is_red, others)), mode
