"""From a GGUF model to its sidecar: text, centers, fit, self-test, file.

The composition of this package; `cli` draws its progress, the app runs it in a process of its
own. Nothing is written until everything was measured, and then at once.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from triagent import __version__
from triagent.calibrate import measure, needs, selftest, text, trained
from triagent.calibrate.centers import LayerCenters
from triagent.calibrate.fit import L2M, LayerFit
from triagent.calibrate.measure import Progress
from triagent.calibrate.reconstruct import N_TEXT, LayerCurves, measure_curves
from triagent.calibrate.selftest import Verdict
from triagent.calibrate.text import Twice, Writer
from triagent.config import ModelConfig
from triagent.engine.conversation import template_of
from triagent.engine.model import LoadedModel
from triagent.engine.model_file import ModelFile, open_model_file
from triagent.errors import ConfigError, SidecarError
from triagent.kv import sidecar as sc

N_EVICTABLE = 512
"""Tokens behind the system prompt without which a session tests nothing, and teaches little."""
N_CHUNK_TEXT = 4096
"""Longest text run at once; far queries are met at every distance below it."""


@dataclass(frozen=True)
class Recipe:
    """What to measure."""

    n_tokens: int = 32768
    """Of centers. R has usually levelled off by then; the report says whether."""
    n_fit: int = 3
    """Texts written twice, of each kind; 0: no fit."""
    fit_tokens: int = 3072
    """Of one copy."""
    trained: Path | None = None
    """Coefficients to use in place of a fit, see `trained`."""
    test: bool = True
    plan: selftest.Plan = field(default_factory=selftest.Plan)
    texts: tuple[str, ...] = ()
    """Files to use in place of the bundled text."""
    seed: int = 1000
    curves: bool = False
    """Also compare mean attention logits with what centers predict; a short pass of its own."""


@dataclass(frozen=True)
class Made:
    """A finished sidecar and what was seen on the way."""

    stats: sc.Stats
    centers: measure.Centers
    fits: tuple[LayerFit, ...]
    verdict: Verdict | None
    curves: tuple[LayerCurves, ...] = ()
    note: str = ""
    """Of the self-test: what follows from it, or why there was none."""


def make(config: ModelConfig, recipe: Recipe, progress: Progress | None = None) -> Made:
    """Measure a model.

    Raises: ModelError, ConfigError, NativeError with what to do next.
    """
    model = LoadedModel(config)
    try:
        texts = Texts(model, recipe)
        file = model.file
        config = _within(config, model)
        plan = replace(recipe.plan, n_tokens=min(recipe.plan.n_tokens, model.n_ctx_train))
        centers = measure.measure_centers(
            config, texts.centers(), progress, recipe.n_tokens, texts.n_longest
        )
        curves: list[LayerCurves] = []
        if recipe.curves:
            curves = measure_curves(config, centers.layers, texts.held_out(), progress)
        fits: list[LayerFit] = []
        if recipe.n_fit and recipe.trained is None:
            twice, weights = texts.twice(model.n_ctx_train)
            fits = measure.measure_fit(config, twice, weights, L2M, progress)
        stats = _stats(file, centers, fits, texts.digest)
        if recipe.trained is not None:
            how = {**stats.recipe, "fit": f"trained end to end ({recipe.trained.name})"}
            stats = replace(stats, fits=trained.read(recipe.trained), recipe=how)
        verdict, note = None, untestable(texts.writer, plan) if recipe.test else ""
        if recipe.test and not note:
            args = (config, stats, texts.writer, texts.fresh_prose(plan.n_tokens), plan, progress)
            verdict = selftest.run(*args)
            if verdict.score == needs.SCORE:
                found = (config, stats, texts.writer, plan)
                stats, verdict = with_shares(*found, verdict, progress)
            stats, note = with_verdict(stats, verdict), verdict.note
    finally:
        model.close()
    stats = replace(stats, recipe={**stats.recipe, "self_test": note or "none"})
    return Made(stats, centers, tuple(fits), verdict, tuple(curves), note)


def untestable(writer: Writer, plan: selftest.Plan) -> str:
    """Why a model cannot be asked for what it forgot; empty when it can."""
    n_prompt = len(writer.opening())
    if plan.n_tokens >= n_prompt + N_EVICTABLE:
        return ""
    return (
        f"No self-test: the system prompt takes {n_prompt:,} tokens and a session of this model "
        f"{plan.n_tokens:,}, which leaves nothing to forget."
    )


def _within(config: ModelConfig, model: LoadedModel) -> ModelConfig:
    """F16 keys for measuring: a quantised cache would add its own error to every score."""
    return replace(config, cache_type="f16", n_ctx=config.n_ctx or model.n_ctx_train)


class Texts:
    """All texts of one run, in tokens of the model."""

    def __init__(self, model: LoadedModel, recipe: Recipe) -> None:
        vocab = model.vocab
        self._tokenize, self._recipe = vocab.tokenize, recipe
        self.writer = Writer(template_of(model), vocab.tokenize)
        self.n_longest = min(N_CHUNK_TEXT, model.n_ctx_train)
        own = recipe.texts
        self._plain = [text.user_text(own)] if own else [text.prose(), text.code()]
        self.digest = text.digest([*self._plain, str(recipe.seed)])

    def centers(self) -> Iterator[list[int]]:
        """Stretches of each kind in turn until the tokens are reached."""
        longest = self.n_longest
        kinds = [text.stretches(plain, self._tokenize, longest) for plain in self._plain]
        if not self._recipe.texts:
            n_chat = max(1, self._recipe.n_tokens // (3 * longest))  # a third, however long
            kinds.append(itertools.islice(self._chats(self._recipe.seed, longest), n_chat))
        return _take(kinds, self._recipe.n_tokens)

    def held_out(self) -> list[list[int]]:
        """Texts of one length that centers are not of, except where the user's text is short."""
        n = min(N_TEXT, self.n_longest)
        prose = [self.fresh_prose(n)]
        if self._recipe.texts:
            return prose
        return prose + list(itertools.islice(self._chats(self._recipe.seed + 900, n), 2))

    def _chats(self, seed: int, n_tokens: int) -> Iterator[list[int]]:
        return (list(self.writer.session(i, n_tokens).ids) for i in itertools.count(seed))

    def twice(self, n_ctx: int) -> tuple[list[Twice], list[float]]:
        """Prose and sessions written twice, each kind with the same weight."""
        recipe = self._recipe
        n = min(recipe.fit_tokens, n_ctx // 2 - 64)
        prose = text.stretches(self._plain[0], self._tokenize, n)
        proses = [text.twice(ids, 4) for ids, _ in zip(prose, range(recipe.n_fit), strict=False)]
        chats = []
        for i in range(recipe.n_fit):
            session = self.writer.session(recipe.seed + 500 + i, n)
            if n - session.n_prompt >= N_EVICTABLE:
                chats.append(text.twice(session.ids, session.n_prompt))
        weights = [1 / max(1, len(proses))] * len(proses) + [1 / max(1, len(chats))] * len(chats)
        return proses + chats, [w * 1.0 for w in weights]

    def fresh_prose(self, n_tokens: int) -> list[int]:
        """The end of the prose, which centers and fit did not reach."""
        ids = self._tokenize(self._plain[0][-n_tokens * 8 :], False)
        if len(ids) < 64:
            raise ConfigError("the text is too short to test with; give a longer --text")
        return ids[-n_tokens:]


def _take(kinds: Sequence[Iterator[list[int]]], n_tokens: int) -> Iterator[list[int]]:
    """One stretch of each kind in turn, as long as it has any; the last is cut.

    Raises: ConfigError when there is none at all.
    """
    left, waiting = n_tokens, deque(kinds)
    while left > 0 and waiting:
        stretch = next(waiting[0], None)
        if stretch is None:
            waiting.popleft()
            continue
        waiting.rotate(-1)
        yield stretch[:left]
        left -= len(stretch)
    if left == n_tokens:
        raise ConfigError("the text holds too few tokens to measure; give a longer --text")


def _stats(
    file: ModelFile, centers: measure.Centers, fits: Sequence[LayerFit], digest: str
) -> sc.Stats:
    n_layer = file.number("block_count")
    found = {layer.layer for layer in centers.layers}
    skipped = {il: "no query enters RoPE here" for il in range(n_layer) if il not in found}
    n_tokens = centers.trace[-1][0] if centers.trace else 0
    return sc.Stats(
        fingerprint=file.fingerprint,
        architecture=file.architecture,
        model_name=file.name,
        layers={layer.layer: _layer_stats(layer) for layer in centers.layers},
        fits={fit.layer: _layer_fit(fit) for fit in fits},
        skipped=skipped,
        recipe={
            "tool": f"triagent {__version__}",
            "corpus_sha256": digest,
            "tokens": str(n_tokens),
            "concentration_drift": f"{centers.drift:.5f}",
            "fit": "l2m on text written twice, ridge 1e-2" if fits else "none",
        },
    )


def _layer_stats(layer: LayerCenters) -> sc.LayerStats:
    center = layer.q_center.astype(np.complex64)
    # float32 rounding must not put the magnitude of the mean above the mean of magnitudes
    norm = np.maximum(layer.q_norm.astype(np.float32), np.abs(center))
    return sc.LayerStats(center, norm)


def _layer_fit(fit: LayerFit) -> sc.LayerFit:
    n_band = fit.weight.shape[1]
    vectors = fit.vec[:, :n_band] + 1j * fit.vec[:, n_band:]
    return sc.LayerFit(vectors.astype(np.complex64), fit.weight)


def with_shares(
    config: ModelConfig,
    stats: sc.Stats,
    writer: Writer,
    plan: selftest.Plan,
    verdict: Verdict,
    progress: Progress | None = None,
) -> tuple[sc.Stats, Verdict]:
    """Stats with what each layer needs, and the verdict with layers so; both as they were where
    that is no better."""
    shares = needs.measure(config, stats, writer, plan, progress)
    better = needs.tested(config, stats, writer, plan, verdict, shares) if shares else None
    if better is None:
        return stats, verdict
    return replace(stats, layer_shares=shares), better


def with_verdict(stats: sc.Stats, verdict: Verdict) -> sc.Stats:
    """Stats with the self-test's table and recommendation."""
    return replace(
        stats,
        recommended_score=verdict.score,
        recommended_budget=verdict.budget,
        full_recall=verdict.full_recall,
        self_tests=verdict.tests,
    )


def from_official(path: Path, model: Path) -> Made:
    """Convert the method authors' statistics for the model that will run.

    Raises: SidecarError when heads or bands do not fit the model, with both values.
    """
    from triagent.calibrate import official

    file = open_model_file(model)
    layers = official.read(path)
    n_head, n_layer = file.number("attention.head_count"), file.number("block_count")
    head_dim = file.number("attention.key_length") or file.number("embedding_length") // (
        n_head or 1
    )
    n_band = file.number("rope.dimension_count", head_dim) // 2
    for layer in layers:
        shape = layer.q_norm.shape
        if layer.layer >= n_layer or (n_head and shape != (n_head, n_band)):
            raise SidecarError(
                f"{path} has layer {layer.layer} with {shape[0]} heads of {shape[1]} bands; "
                f"{model} has {n_layer} layers of {n_head} heads of {n_band} bands"
            )
    found = {layer.layer for layer in layers}
    stats = sc.Stats(
        fingerprint=file.fingerprint,
        architecture=file.architecture,
        model_name=file.name,
        layers={layer.layer: _layer_stats(layer) for layer in layers},
        skipped={il: "not in the statistics" for il in range(n_layer) if il not in found},
        recipe={"tool": f"triagent {__version__}", "converted_from": path.name},
    )
    return Made(stats, measure.Centers(layers), (), None)
