"""A bounded session on real library and tiny models: what is kept, refused and told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("triagent_native")

from tests.engine.conftest import STORIES
from tests.native.models import GEMMA3, LFM2, LLAMA, QWEN3
from triagent.chat import Evicted, Prefill
from triagent.engine.sampling import Sampler
from triagent.engine.sidecars import beside
from triagent.errors import ConfigError, EngineError, ModelError, SidecarError
from triagent.kv.fingerprint import fingerprint
from triagent.kv.sidecar import LayerFit, LayerStats, Stats, write_sidecar

pytestmark = pytest.mark.native
rng = np.random.default_rng(0)


def run(generator):
    """Items of a generator, and what it returns."""
    items = []
    while True:
        try:
            items.append(next(generator))
        except StopIteration as stop:
            return items, stop.value


def tokens(n, engine):
    return rng.integers(3, engine.vocab.n_tokens, n).tolist()


def feed(engine, n):
    return run(engine.feed(tokens(n, engine)))


def generate(engine, n, sampler=None):
    out = []
    for _ in range(n):
        out.append(engine.sample(sampler or Sampler()))
        engine.step(out[-1])
    return out


SHAPES = {"llama": LLAMA, "qwen3": QWEN3, "gemma3 (iSWA)": GEMMA3, "lfm2 (hybrid)": LFM2}


@pytest.mark.parametrize("select", ["per-layer-head", "per-head", "shared"])
@pytest.mark.parametrize("name", SHAPES)
def test_thousands_of_tokens_pass_through_a_few_hundred_cells(model_path, engine_of, name, select):
    engine = engine_of(model_path(SHAPES[name]), select=select)
    items, fed = feed(engine, 2000)
    generate(engine, 100)
    status = engine.status()
    rounds = [i for i in items if isinstance(i, Evicted)]
    assert fed.n == 2000 and not fed.cancelled and len(rounds) > 20
    assert status.n_pos == 2100 and status.n_cells == 512
    assert status.n_used <= 256 + 64 and status.n_used + status.n_evicted == 2100
    assert engine.held.rows.sum() == status.n_used * engine.held.n_rows
    assert status.full_bytes > 4 * status.cache_bytes * (name != "gemma3 (iSWA)")


@pytest.mark.parametrize("policy", ["knorm", "knorm-low", "keydiff", "streaming", "random"])
def test_every_policy_keeps_sinks_window_and_pinned(engine_of, policy):
    engine = engine_of(policy=policy)
    engine.pin(100, 120)
    feed(engine, 1500)
    share = engine.holding().share
    assert (share[[*range(4), *range(100, 120), *range(1468, 1500)]] == 1).all()
    assert share[200:1400].min() == 0


def test_streaming_keeps_the_most_recent_and_nothing_else(engine_of):
    engine = engine_of(policy="streaming")
    feed(engine, 1000)
    held = np.flatnonzero(engine.holding().share == 1)
    n_recent = engine.status().n_used - 4
    assert held.tolist() == [*range(4), *range(1000 - n_recent, 1000)]


def test_quantised_caches_work(model_path, engine_of):
    engine = engine_of(model_path(QWEN3), cache_type="q8_0")
    feed(engine, 1000)
    assert engine.status().n_rounds > 5


@pytest.mark.parametrize("policy", ["none", "knorm"])
def test_a_budget_as_large_as_the_context_changes_no_token(engine_of, policy):
    words = tokens(200, engine_of(policy="none", n_ctx=1024))
    plain = engine_of(policy="none", n_ctx=1024)
    bounded = engine_of(policy=policy, budget=1024, n_ctx=1024)
    for engine in (plain, bounded):
        run(engine.feed(words))
    assert generate(plain, 300) == generate(bounded, 300)
    assert bounded.status().n_rounds == 0


def test_no_more_cells_are_allocated_than_there_are_positions(engine_of):
    engine = engine_of(budget=900, n_ctx=1000)
    assert engine.status().n_cells == 1024
    feed(engine, 1000)
    assert engine.status().n_used == 1000 - engine.status().n_evicted


def test_progress_comes_after_each_chunk(engine_of):
    items, _ = feed(engine_of(), 150)
    assert [i.n_done for i in items if isinstance(i, Prefill)] == [64, 128, 150]


def test_cancel_takes_effect_within_one_chunk(engine_of):
    flag = []
    engine = engine_of(cancelled=lambda: bool(flag))
    feeding = engine.feed(tokens(1000, engine))
    for item in feeding:
        if isinstance(item, Prefill) and item.n_done >= 128:
            flag.append(True)
            break
    _, fed = run(feeding)
    assert fed.n == 128 and fed.cancelled and engine.n_pos == 128
    flag.clear()
    assert feed(engine, 10)[1].n == 10


def test_rolling_back_inside_the_window_is_exact(engine_of):
    engine = engine_of()
    feed(engine, 1000)
    generate(engine, 5)
    more = tokens(20, engine)
    run(engine.feed(more))
    first = engine.logits().copy()
    assert engine.rollback(1005)
    run(engine.feed(more))
    assert np.abs(engine.logits() - first).max() < 2e-3  # other cells, another order of sums
    assert engine.held.rows.sum() == engine.status().n_used * engine.held.n_rows


def test_generation_goes_on_right_after_a_rollback(engine_of):
    engine = engine_of()
    feed(engine, 400)
    said = generate(engine, 12)
    assert engine.rollback(400)
    assert generate(engine, 12) == said


def test_rolling_back_deeper_is_refused_and_changes_nothing(engine_of):
    engine = engine_of()
    feed(engine, 1000)
    before = engine.status()
    assert not engine.rollback(500)
    assert engine.status() == before
    assert engine.rollback(engine.first_exact()) and not engine.rollback(engine.first_exact() - 1)


def test_without_rounds_any_rollback_is_exact(engine_of):
    engine = engine_of()
    feed(engine, 200)
    assert engine.rollback(3) and engine.n_pos == 3


def test_a_recurrent_memory_refuses_to_roll_back(model_path, engine_of):
    engine = engine_of(model_path(LFM2))
    feed(engine, 100)
    assert not engine.rollback(90) and engine.n_pos == 100


def test_forgetting_takes_positions_from_every_row(engine_of):
    engine = engine_of()
    engine.pin(40, 60)
    feed(engine, 900)
    done = engine.forget(30, 60)
    assert engine.holding().share[30:60].max() == 0
    assert done.reason == "forget" and done.n_evicted >= 20
    assert {p for a, b in done.lost for p in range(a, b)} >= set(range(40, 60))
    assert engine.forget(30, 60).n_evicted == 0
    assert engine.held.rows.sum() == engine.status().n_used * engine.held.n_rows


def test_forgetting_spares_the_newest_token(engine_of):
    engine = engine_of()
    feed(engine, 100)
    engine.forget(50, 100)
    share = engine.holding().share
    assert share[99] == 1 and share[50:99].max() == 0
    generate(engine, 3)


def test_what_is_disposable_goes_first(engine_of):
    engine = engine_of()
    feed(engine, 250)
    engine.dispose(100, 140)
    feed(engine, 100)
    share = engine.holding().share
    assert share[100:140].max() == 0
    assert share[4:100].mean() > 0.5


def test_a_span_pinned_after_rounds_stays_where_it_is_still_held(engine_of):
    engine = engine_of()
    feed(engine, 800)
    share = engine.holding().share.copy()
    engine.pin(300, 400)
    feed(engine, 800)
    now = engine.holding().share
    assert share[300:400].sum() > 0
    assert np.array_equal(now[300:400], share[300:400])


def test_pinning_all_is_refused_and_says_why(engine_of):
    engine = engine_of()
    with pytest.raises(EngineError, match="of 512 cells"):
        engine.pin(0, 460)
    feed(engine, 1000)
    assert engine.status().n_pinned < 100


def test_pins_beyond_the_budget_are_seen_and_decoding_goes_on(engine_of):
    engine = engine_of()
    engine.pin(0, 350)
    feed(engine, 600)
    generate(engine, 100)
    status = engine.status()
    assert status.n_pinned >= 350 > status.budget
    assert (engine.holding().share[:350] == 1).all() and status.n_used < status.n_cells


def test_the_window_of_positions_is_enforced(engine_of):
    engine = engine_of(n_ctx=512)
    feed(engine, 500)
    with pytest.raises(EngineError, match="window of 512"):
        feed(engine, 13)


def test_sampling_from_an_empty_cache_is_refused(engine_of):
    with pytest.raises(EngineError, match="append a message"):
        engine_of().sample(Sampler())


def test_an_error_in_the_callback_surfaces_and_the_session_goes_on(engine_of, monkeypatch):
    engine = engine_of()
    feed(engine, 256)
    monkeypatch.setattr(
        type(engine.hook.protection), "decide", lambda *a: (_ for _ in ()).throw(OSError("boom"))
    )
    with pytest.raises(OSError, match="boom"):
        feed(engine, 64)
    monkeypatch.undo()
    assert engine.n_pos == 256
    assert feed(engine, 300)[1].n == 300


def centers(path, shape):
    n_band = shape.head_dim // 2
    layers, fits = {}, {}
    for il in range(shape.n_layer):
        mu = rng.normal(size=(shape.n_head, n_band)) + 1j * rng.normal(size=(shape.n_head, n_band))
        layers[il] = LayerStats(mu.astype("c8"), (np.abs(mu) * 1.5).astype("f4"))
        fits[il] = LayerFit(
            mu[: shape.n_head_kv].astype("c8"), mu[: shape.n_head_kv].real.astype("f4")
        )
    return Stats(fingerprint(path), shape.arch, "m", layers, fits)


@pytest.mark.parametrize("policy", ["triattention", "fitted", "auto"])
def test_a_sidecar_beside_the_model_is_used(tmp_path, model_path, engine_of, policy):
    path = tmp_path / "m.gguf"
    path.write_bytes(model_path(QWEN3).read_bytes())
    write_sidecar(beside(path), replace(centers(path, QWEN3), recommended_score="fitted",
                                        recommended_budget=300))  # fmt: skip
    engine = engine_of(path, policy=policy, budget=300)
    items, _ = feed(engine, 800)
    rounds = [i for i in items if isinstance(i, Evicted)]
    assert engine.parts.sidecar == beside(path)
    assert engine.status().policy == ("fitted" if policy == "auto" else policy)
    assert rounds and all(r.score_min <= r.score_max for r in rounds)
    assert np.isfinite(engine.holding().score).sum() > 100


FOUR = replace(QWEN3, n_layer=4)
SHARES = {0: 0.3, 1: 0.3, 2: 2.4, 3: 1.0}


def shared_sidecar(tmp_path, model_path, shares=SHARES):
    """A model whose sidecar says what its layers need."""
    path = tmp_path / "m.gguf"
    path.write_bytes(model_path(FOUR).read_bytes())
    made = replace(centers(path, FOUR), recommended_score="fitted", recommended_budget=300,
                   layer_shares=shares)  # fmt: skip
    write_sidecar(beside(path), made)
    return path


def test_layers_keep_by_the_sidecars_shares_in_the_same_memory(tmp_path, model_path, engine_of):
    path = shared_sidecar(tmp_path, model_path)
    settings = {"policy": "auto", "budget": 3000, "chunk": 128, "interval": 64}
    equal = engine_of(path, **settings, shares="equal")
    engine = engine_of(path, **settings)
    cache, bounds = engine.hook.cache, engine.hook.protection.bounds
    assert equal.hook.cache.n_groups == 1 and equal.hook.protection.bounds.budgets == ()
    assert len(set(cache.layer_cells)) >= 2
    assert np.argmax(cache.layer_cells) == 2
    assert sum(cache.layer_cells) <= sum(equal.hook.cache.layer_cells)
    assert engine.status().cache_bytes <= equal.status().cache_bytes
    feed(engine, 12_000)
    true = cache.positions()
    for row, g in zip(true, cache.row_group, strict=True):
        n_held = (row >= 0).sum()
        assert bounds.budgets[g] - 64 <= n_held <= bounds.budgets[g] + 128  # the last batch
    assert 2900 < engine.status().n_used <= 3000 + 128
    lost = engine.held.n_rows * engine.n_pos - engine.held.rows.sum()
    assert abs(engine.status().n_evicted * len(true) - lost) < len(true) * engine.hook.n_rounds
    assert engine.rollback(engine.n_pos - 20) and feed(engine, 300)


def test_other_scores_and_modes_keep_layers_alike(tmp_path, model_path, engine_of):
    path = shared_sidecar(tmp_path, model_path)
    for change in ({"policy": "knorm"}, {"select": "shared"}, {"n_ctx": 512}):
        settings = {"policy": "fitted", "budget": 3000} | change
        assert engine_of(path, **settings).hook.cache.n_groups == 1
    # where what is pinned takes most of a budget there is nothing to divide
    assert engine_of(path, policy="fitted", budget=1000).hook.cache.n_groups == 1


def test_shares_that_do_not_fit_the_model_are_told_of_and_left_out(
    tmp_path, model_path, engine_of
):
    path = shared_sidecar(tmp_path, model_path, {0: 0.5, 2: 2.0})
    parts = engine_of(path, policy="fitted", budget=3000).parts
    assert parts.hook.cache.n_groups == 1
    assert any("not by their shares: 0 cells of layer 1" in note for note in parts.notes)


def test_what_is_pinned_must_fit_the_smallest_layers(tmp_path, model_path, engine_of):
    engine = engine_of(shared_sidecar(tmp_path, model_path), policy="fitted", budget=3000)
    least = engine.hook.least_cells
    assert least < engine.hook.n_cells
    with pytest.raises(EngineError, match=f"{least} cells of the smallest layers .--shares equal"):
        engine.pin(0, least)
    engine.pin(0, least - 200)
    assert least >= 1024
    _, fed = feed(engine, 6000)
    assert fed.n == 6000
    true = engine.hook.cache.positions()
    assert (true >= 0).sum(1).min() <= least
    for row in true:
        assert set(range(least - 200)) <= set(row[row >= 0].tolist())


def test_an_unchecked_or_unsafe_model_is_told_of(tmp_path, model_path, engine_of):
    path = tmp_path / "m.gguf"
    path.write_bytes(model_path(QWEN3).read_bytes())
    found = centers(path, QWEN3)
    write_sidecar(beside(path), found)
    parts = engine_of(path, policy="auto").parts
    assert parts.policy.name == "knorm" and any("no self-test" in note for note in parts.notes)
    write_sidecar(beside(path), replace(found, recommended_score="fitted"))
    parts = engine_of(path, policy="auto").parts
    assert parts.policy.name == "fitted" and any("no safe budget" in note for note in parts.notes)
    notes = engine_of(path, policy="auto", n_ctx=256).parts.notes  # nothing is ever evicted
    assert not any("no safe budget" in note for note in notes)


def test_a_budget_from_free_memory_is_no_less_than_the_sidecars(
    tmp_path, model_path, engine_of, monkeypatch
):
    path = tmp_path / "m.gguf"
    path.write_bytes(model_path(QWEN3).read_bytes())
    write_sidecar(beside(path), replace(centers(path, QWEN3), recommended_budget=300))
    monkeypatch.setattr("triagent.engine.assembly.free_bytes", lambda *_: 1_000_000)
    assert engine_of(path, policy="fitted", budget=None).status().budget == 300


def test_a_sidecar_of_other_heads_is_refused(tmp_path, model_path, engine_of):
    path = tmp_path / "m.gguf"
    path.write_bytes(model_path(QWEN3).read_bytes())
    wrong = centers(path, replace(QWEN3, n_head=2))
    write_sidecar(beside(path), wrong)
    with pytest.raises(SidecarError, match=r"centers are \(2, 32\), the model needs \(4, 32\)"):
        engine_of(path, policy="triattention")


def test_no_sidecar_is_said(engine_of):
    engine = engine_of(policy="auto")
    assert engine.status().policy == "knorm"
    assert any("No centers for this model" in note for note in engine.parts.notes)
    with pytest.raises(SidecarError, match="needs a sidecar"):
        engine_of(policy="triattention")


def test_positions_beyond_training_are_noted(engine_of):
    assert any("trained for 512" in note for note in engine_of().parts.notes)
    assert not engine_of(policy="none", n_ctx=512).parts.notes


def test_a_memory_that_cannot_be_evicted_from_runs_unbounded_with_a_note(engine_of, monkeypatch):
    reason = "recurrent memory has no cells"
    monkeypatch.setattr("triagent.engine.native.supported", lambda *a: reason)
    engine = engine_of(n_ctx=1024)
    assert any(reason in note for note in engine.parts.notes)
    feed(engine, 500)
    status = engine.status()
    assert status.budget == 0 and status.policy == "none" and status.n_used == 500
    with pytest.raises(EngineError, match="unbounded"):
        engine.forget(1, 2)


def test_unknown_settings_are_refused_by_name(engine_of):
    for setting in ({"policy": "lru"}, {"cache_type": "q3"}, {"select": "all"}, {"budget": 20}):
        with pytest.raises(ConfigError):
            engine_of(**setting)


def test_a_model_that_llama_cpp_refuses_comes_with_its_words(tmp_path, engine_of):
    path = tmp_path / "m.gguf"
    path.write_bytes(STORIES.read_bytes().replace(b"llama.block_count", b"llama.block_c0unt"))
    with pytest.raises(ModelError, match="block_count"):
        engine_of(path)


def test_who_looks_at_the_scores_of_the_last_round_causes_no_pass(engine_of, monkeypatch):
    engine = engine_of(select="shared")
    feed(engine, 800)
    last = engine.hook.protection.last_round
    with monkeypatch.context() as nothing:
        for owner, name in ((engine.context, "decode"), (engine.hook.cache, "score"),
                            (engine.hook.cache, "round")):  # fmt: skip
            nothing.setattr(owner, name, lambda *a, **k: pytest.fail("a pass for the screen"))
        holding = engine.holding()
    score, share = np.array(holding.score), np.array(holding.share)
    scored = np.isfinite(score)
    assert scored[:last].any() and not scored[last - 32 :].any() and not scored[:4].any()
    # one set for all rows: what the round took had scored lower than what it left
    gone = scored & (share == 0)
    assert gone.any() and score[gone].max() <= score[scored & (share == 1)].min()


@pytest.mark.parametrize("policy", ["knorm", "keydiff"])
def test_a_round_that_tells_its_scores_evicts_the_same(engine_of, policy):
    words, engines = tokens(900, engine_of()), [engine_of(policy=policy) for _ in range(2)]
    engines[1].hook._selects_here = False  # as where a device selects and nobody looks
    for engine in engines:
        run(engine.feed(words))
    first, second = engines
    assert np.array_equal(first.held.rows, second.held.rows)
    assert np.isfinite(first.holding().score).any()
    assert not np.isfinite(second.holding().score).any()
    times = [engine.hook.run(32, "budget").times_us["score"] for engine in engines]
    assert min(times) > 0  # a bench is told of it either way
    run(second.feed(words[:100]))
    assert np.isfinite(second.holding().score).any()  # it was asked for, so rounds bring it along


def test_a_policy_without_scores_shows_none(engine_of):
    engine = engine_of(policy="streaming")
    feed(engine, 600)
    assert engine.status().n_rounds and not np.isfinite(engine.holding().score).any()


def test_what_is_pinned_or_forgotten_in_part_leaves_the_books_right(engine_of):
    engine = engine_of()
    feed(engine, 900)

    def booked():
        true = engine.hook.cache.positions()
        held = np.bincount(true[true >= 0], minlength=engine.n_pos)
        assert np.array_equal(held, engine.held.rows)  # what each row really holds
        assert held.sum() == engine.status().n_used * engine.held.n_rows
        return engine.holding()

    share = booked().share
    part = np.flatnonzero((share > 0) & (share < 1))
    pinned, forgotten = part[: len(part) // 2], part[len(part) // 2 :]
    engine.pin(int(pinned[0]), int(pinned[-1]) + 1)
    inside = slice(int(pinned[0]), int(pinned[-1]) + 1)
    held, gone = share[inside] > 0, share[inside] == 0
    assert held.any() and gone.any()
    now = booked()
    assert now.pinned[inside][held].all() and not now.pinned[inside][gone].any()
    outside = slice(int(forgotten[0]), int(forgotten[-1]) + 1)
    assert engine.forget(outside.start, outside.stop).n_evicted
    assert booked().share[outside].sum() < share[outside].sum()  # not what shares pinned cells
    before = engine.holding().share[inside]
    feed(engine, 600)
    assert np.array_equal(booked().share[inside], before)  # no round took more of what is pinned
    engine.unpin(int(pinned[0]), int(pinned[-1]) + 1)
    assert not booked().pinned[inside].any()
    engine.forget(outside.start, outside.stop)
    assert booked().share[outside].max() == 0
