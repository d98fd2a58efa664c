"""Check and time rounds on a GPU, with nothing installed but numpy.

    python3 tests/native/gpu_check.py --lib FOLDER --vendor FOLDER [--layers 36] [--budgets 2048]

FOLDER of --lib holds the patched libllama beside a ggml built for the GPU; that of --vendor holds
the bindings' package llama_cpp. A model of Qwen3-8B's geometry with random Q4_0 weights is
written first.

Checked against numpy on the same cache: scores of every vector, the evicted sets, and the bytes of
every row after the moves; on the GPU alone and with half of the layers on the CPU. Then rounds are
timed by phase.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
import types
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
N_WINDOW, N_SINK, INTERVAL = 64, 4, 128
N_THREADS = min(8, max(1, (os.cpu_count() or 1) // 2))


def install_bindings(vendor: Path, lib: Path) -> None:
    """Stand in for an installed package: the bindings without what their high-level API imports."""
    package = Path(tempfile.mkdtemp()) / "triagent_native"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "vendor").symlink_to(vendor.resolve())
    sys.path[:0] = [str(ROOT), str(package.parent)]
    os.environ["LLAMA_CPP_LIB_PATH"] = str(lib.resolve())
    if importlib.util.find_spec("typing_extensions") is None:
        stub = types.ModuleType("typing_extensions")
        stub.TypeAlias = object
        sys.modules["typing_extensions"] = stub
    bindings = types.ModuleType("llama_cpp")
    bindings.__file__ = str(package / "vendor" / "llama_cpp" / "__init__.py")
    bindings.__path__ = [str(package / "vendor" / "llama_cpp")]
    sys.modules["llama_cpp"] = bindings


def qwen3_8b(n_layer: int):
    from tests.native.models import Q4_0, Shape

    return Shape(
        "qwen3",
        n_layer=n_layer,
        n_embd=4096,
        n_head=32,
        n_head_kv=8,
        head_dim=128,
        n_ff=12288,
        n_vocab=1024,
        rope_theta=1e6,
        n_ctx_train=131072,
        weights=Q4_0,
    )


def coefficients(session, n_vec: int, seed: int = 0):
    from triagent.kv.coefficients import Coefficients

    rng = np.random.default_rng(seed)
    made = []
    for layer in session.cache.layers:
        vectors = rng.standard_normal((layer.n_head_kv, n_vec, layer.head_dim)).astype(np.float32)
        weights = rng.standard_normal((layer.n_head_kv, n_vec, layer.n_band)).astype(np.float32)
        made.append(Coefficients(vectors, weights))
    return made


def fill(session, n: int, seed: int = 0) -> float:
    """Decode n random tokens; returns seconds."""
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    session.feed(rng.integers(0, session.model.n_vocab, n).tolist())
    session.logits()
    return time.perf_counter() - start


def protect(now: int):
    from triagent.kv.spans import Spans

    return Spans(((0, N_SINK), (now - N_WINDOW, now)))


def cache_rows(session) -> list[np.ndarray]:
    """Bytes of K and V by head: per tensor (n_used, n_head_kv, bytes)."""
    from tests.native.lib import parse_state

    state = parse_state(session.state())
    layers = session.cache.layers
    parts = zip(state.k + state.v, layers + layers, strict=True)
    return [raw.reshape(len(raw), layer.n_head_kv, -1) for raw, layer in parts]


def moved(rows: list[np.ndarray], layers, done) -> list[np.ndarray]:
    """What the rows should be after a round, freed cells left out."""
    result, row0 = [], np.cumsum([0] + [layer.n_head_kv for layer in layers])
    for i, part in enumerate(rows):
        part = part.copy()
        for h in range(part.shape[1]):
            src, dst = done.src[row0[i % len(layers)] + h], done.dst[row0[i % len(layers)] + h]
            live = src >= 0
            part[dst[live], h] = part[src[live], h]
        result.append(np.delete(part, done.freed, 0))
    return result


def check_scores(session, shape, normalize: bool, tolerance: float) -> np.ndarray:
    """Compare scores with float64; returns the oracle's rows for the selection."""
    from tests.native.lib import keys_of
    from tests.native.oracle import row_scores, vector_scores
    from triagent.engine.native import Kind, Request
    from triagent.kv.score import Mode

    now = session.n_past
    made = coefficients(session, shape.n_head // shape.kv_heads(0))
    session.cache.set_score(Kind.COEF, normalize, 1.0, made)
    request = Request(1, Mode.LAYER_HEAD, now=now, protect=protect(now))
    found, cells = session.cache.score(request, vector_mode=True)
    keys = [k[cells] for k in keys_of(session)]
    vectors = vector_scores(shape, keys, made, now)
    wanted = np.concatenate([v.reshape(-1, len(cells)) for v in vectors])
    error = float((np.abs(found - wanted) / wanted.std(-1, keepdims=True)).max())
    print(f"    scores: largest difference {error:.1e} of a row's deviation")
    if not error < tolerance:
        difference = np.abs(found - wanted) / wanted.std(-1, keepdims=True)
        print("    by vector:", np.array2string(difference.max(1), precision=1, max_line_width=120))
        parts = np.array_split(difference, 24, 1)
        print("    by 64 cells:", [f"{part.max():.0e}" for part in parts])
        raise SystemExit("scores differ")
    rows, _ = session.cache.score(request)
    wanted_rows = row_scores(vectors, normalize)
    error = float((np.abs(rows - wanted_rows) / wanted_rows.std(-1, keepdims=True)).max())
    print(f"    rows:   largest difference {error:.1e}")
    return wanted_rows


def check_round(session, shape, mode, select, wanted_rows: np.ndarray) -> None:
    """Evict once; compare the sets with the oracle's and every byte with numpy's."""
    from tests.native.oracle import set_scores
    from triagent.engine.native import Request

    now = session.n_past
    before = cache_rows(session)
    request = Request(INTERVAL, mode, now=now, protect=protect(now), select=select)
    done = session.cache.round(request)
    _, n_head_kv = None, shape.kv_heads(0)
    wanted = set_scores(wanted_rows, n_head_kv, mode)
    cells = np.arange(N_SINK, now - N_WINDOW)
    same = total = 0
    for found, scores in zip(done.evicted, wanted, strict=True):
        lowest = cells[np.argsort(scores, kind="stable")[:INTERVAL]]
        same, total = same + len(np.intersect1d(found, lowest)), total + INTERVAL
    after = cache_rows(session)
    expected = moved(before, session.cache.layers, done)
    assert all(np.array_equal(a, b) for a, b in zip(after, expected, strict=True)), "bytes differ"
    print(
        f"    {mode.value}, selected on {done.selected_on.name.lower()}: "
        f"{same}/{total} as numpy selects, {done.n_moved} rows moved, bytes equal"
    )
    assert same >= 0.99 * total


def check(model_path: Path, shape, cache_type: str, n_gpu_layers: int, n_cells: int) -> None:
    from tests.native.lib import Model, Session
    from triagent.engine.native import Select
    from triagent.kv.score import Mode

    print(f"check: {cache_type} cache, {n_gpu_layers} layers on the GPU, {n_cells} cells")
    model = Model(model_path, n_gpu_layers)
    for mode in Mode:
        for select in (Select.HOST, Select.DEVICE):
            session = Session(model, n_cells, 131072, 512, cache_type, n_threads=N_THREADS)
            fill(session, n_cells - 7)
            if mode is Mode.LAYER_HEAD and select is Select.HOST:
                session.cache.self_test()
                info = session.cache.info()
                print(f"    self-test passed, {info.n_backends} backends hold the cache")
            wanted = check_scores(session, shape, True, 2e-2)
            check_round(session, shape, mode, select, wanted)
            session.close()
            if mode is not Mode.LAYER_HEAD:
                break
    model.close()


def check_deferred(model_path: Path, cache_type: str, n_gpu_layers: int) -> None:
    """Rounds in the callback, whole and deferred: the same bytes and positions in the end."""
    from tests.native.lib import Model, Session
    from triagent.engine.native import Callback, Kind, Request
    from triagent.kv.score import Mode

    model, found = Model(model_path, n_gpu_layers), []
    for deferred in (False, True):
        session = Session(model, 1024, 131072, 64, cache_type, n_threads=N_THREADS)
        session.cache.set_score(Kind.COEF, True, 1.0, coefficients(session, 4))

        def evict(_ctx, _reason, n_used, *_rest, session=session, deferred=deferred) -> int:
            now = session.n_past
            request = Request(n_used - 512, Mode.LAYER_HEAD, now=now, protect=protect(now))
            (session.cache.start_round if deferred else session.cache.round)(request)
            return 1

        session.cache.set_callback(Callback(evict), 640)
        fill(session, 3000)
        found.append([session.cache.positions(), *cache_rows(session)])
        session.close()
    model.close()
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True)), "deferred rounds differ"
    print(f"    {cache_type}, {n_gpu_layers} layers on the GPU: deferred rounds leave equal bytes")


def free_gpu_bytes(lib) -> int | None:
    """Free memory of the first GPU as ggml sees it."""
    import ctypes

    base = ctypes.CDLL(str(Path(os.environ["LLAMA_CPP_LIB_PATH"]) / "libggml-base.so"))
    registry = ctypes.CDLL(str(Path(os.environ["LLAMA_CPP_LIB_PATH"]) / "libggml.so"))
    registry.ggml_backend_dev_by_type.restype = ctypes.c_void_p
    device = registry.ggml_backend_dev_by_type(1)
    if not device:
        return None
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    base.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    base.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
    return free.value


def time_rounds(model, shape, cache_type: str, budget: int, n_vec: int, mode, select) -> None:
    """Rounds as they come while decoding: each frees an interval, then an interval is decoded."""
    from tests.native.lib import Session
    from triagent.engine.native import Kind, Request

    n_cells = budget + 512
    session = Session(model, n_cells, 131072, 512, cache_type, n_threads=N_THREADS)
    fill(session, budget + INTERVAL)
    free_before = free_gpu_bytes(session.lib)
    session.cache.set_score(Kind.COEF, n_vec > 1, 1.0, coefficients(session, n_vec))
    times = []
    for i in range(12):
        now = session.n_past
        request = Request(INTERVAL, mode, now=now, protect=protect(now), select=select)
        done = session.cache.round(request)
        times.append(done.times_us)
        fill(session, INTERVAL, seed=i)
    extra = session.cache.info().bytes_extra / 2**20
    free_after = free_gpu_bytes(session.lib)
    taken = ""
    if free_before is not None and free_after is not None:
        taken = f", GPU memory taken {(free_before - free_after) / 2**20:.0f} MiB"
    text = "  ".join(
        f"{phase} {np.median([t[phase] for t in times[2:]]) / 1000:.2f}" for phase in times[0]
    )
    what = f"B={budget} {cache_type} {n_vec} vec {mode.value} {select.name.lower()}"
    first = f"first {times[0]['total'] / 1000:.1f}"
    print(
        f"  {what}: {text} ms ({first}; scratch {extra:.0f} MiB{taken}; moved {done.n_moved})",
        flush=True,
    )
    session.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lib", type=Path, required=True)
    parser.add_argument("--vendor", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=36)
    parser.add_argument("--budgets", type=int, nargs="*", default=[2048, 8192])
    parser.add_argument("--types", nargs="*", default=["f16", "q8_0"])
    parser.add_argument("--check-layers", type=int, default=4, help="0: no check")
    parser.add_argument("--check-types", nargs="*", default=["f16", "q8_0"])
    parser.add_argument("--vectors", type=int, nargs="*", default=[4, 1], help="per KV head")
    parser.add_argument("--modes", nargs="*", default=["per-layer-head", "per-head"])
    parser.add_argument("--select", nargs="*", default=["host", "device"])
    parser.add_argument("--model", type=Path, help="rounds are timed with it, whatever --layers")
    parser.add_argument("--work", type=Path, default=Path("/tmp"))
    parser.add_argument("--small", action="store_true", help="a tiny model, to try this program")
    options = parser.parse_args()
    install_bindings(options.vendor, options.lib)

    from tests.native.lib import Model
    from tests.native.models import write
    from triagent.engine.native import Select
    from triagent.kv.score import Mode

    def shape_of(n_layer: int):
        shape = qwen3_8b(n_layer)
        small = {"n_embd": 256, "n_ff": 256, "n_head": 8, "n_head_kv": 4}
        return replace(shape, **small) if options.small else shape

    if options.check_layers:
        shape = shape_of(options.check_layers)
        path = write(options.work / "check.gguf", shape)
        for cache_type in options.check_types:
            check(path, shape, cache_type, 999, 1536)
            check(path, shape, cache_type, options.check_layers // 2 + 1, 1536)
            check_deferred(path, cache_type, 999)
            check_deferred(path, cache_type, options.check_layers // 2 + 1)
    if not options.budgets:
        return
    start = time.perf_counter()
    shape = shape_of(options.layers)
    path = options.model or write(options.work / "bench.gguf", shape)
    print(f"model of {options.layers} layers written in {time.perf_counter() - start:.0f} s")
    model = Model(path, 999)
    wanted = product(options.budgets, options.types, options.vectors, options.modes, options.select)
    for budget, cache_type, n_vec, mode_name, select_name in wanted:
        mode, select = Mode(mode_name), Select[select_name.upper()]
        if mode is Mode.LAYER_HEAD or select is not Select.DEVICE:  # other modes are the host's
            time_rounds(model, shape, cache_type, budget, n_vec, mode, select)
    model.close()


if __name__ == "__main__":
    main()
