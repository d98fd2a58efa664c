"""The app on a machine whose GPU is too small, as the loader meets it: the device is faked, by
the words in which llama.cpp refuses; the loader, its steps and the app are real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.ui.fakes import INFO, PlayedAgent
from tests.ui.pilot import drive, screen_text, until
from tests.ui.scenes import settled
from triagent.config import Config, ModelConfig, UiConfig
from triagent.errors import ModelError
from triagent.loading import open_within_memory
from triagent.ui.app import TriagentApp
from triagent.ui.ports import Services

MODEL = Path(__file__).parents[1] / "data/models/stories260K-f32.gguf"
REFUSAL = "llama.cpp refused it: unable to allocate CUDA0 buffer of 22.4 GiB, 11.6 GiB are free"


class Card:
    """A GPU that holds at most so many layers, and a main memory that holds all or nothing."""

    def __init__(self, n_layers: int, main_memory: bool = True) -> None:
        self.n_layers, self.main_memory, self.tried = n_layers, main_memory, []

    def open(self, config: Config):
        self.tried.append(config)
        wanted = config.model.gpu_layers
        if (wanted == 0 and self.main_memory) or 0 < wanted <= self.n_layers:
            return Loaded()
        raise ModelError(REFUSAL)


class Loaded:
    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()

    def add_note(self, text: str) -> None:
        self.notes += (text,)


def app_on(card, told):
    config = Config(model=ModelConfig(path=MODEL), ui=UiConfig(motion=False))

    def start(what, report):
        def tell(text):
            told.append(text)
            report(text, None)

        model, _ = open_within_memory(config, tell, card.open)
        return PlayedAgent(title="", info=replace(INFO, notes=model.notes))

    return TriagentApp(config, Services(start))


def words(app):
    return " ".join(screen_text(app).split())


def test_it_runs_with_fewer_layers_on_the_card_and_says_so():
    told = []
    app = app_on(Card(n_layers=2), told)

    async def steps(pilot):
        assert "Memory was short: it runs with 2 of 5 layers on the GPU" in words(app)
        assert told[0].startswith("not enough memory; trying 3 of 5 layers on the GPU")

    drive(app, steps, size=(80, 24))


def test_it_goes_down_to_the_cpu_alone():
    card, told = Card(n_layers=0), []
    app = app_on(card, told)

    async def steps(pilot):
        assert "the CPU alone" in words(app) and card.tried[-1].model.gpu_layers == 0

    drive(app, steps, size=(80, 24))


def test_where_nothing_fits_the_message_is_calm_with_both_sizes_and_the_next_step():
    card = Card(n_layers=0, main_memory=False)
    app = app_on(card, [])

    async def steps(pilot):
        seen = words(app)
        assert "There is not enough memory for this model" in seen
        assert "22.4 GiB" in seen and "11.6 GiB" in seen
        assert "Every smaller setting was tried" in seen and "smaller model" in seen
        assert "choose another model" in seen and "try again" in seen and "Traceback" not in seen
        card.main_memory = True  # another program ended
        await pilot.press("2")
        await until(pilot, lambda: app.thread.agent is not None)
        await settled(pilot)
        assert "the CPU alone" in words(app)

    drive(app, steps, size=(80, 24))
