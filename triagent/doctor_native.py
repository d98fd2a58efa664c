"""What only a process with the native library can tell; the child of `doctor`.

    python -m triagent.doctor_native '{"model": ..., "sidecar": ..., "cache_type": ...}'

Prints one JSON object for each step that is done, so that a crash in a later one leaves the
earlier answers, and shows by its absence where it happened.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from triagent.config import CacheConfig, ModelConfig
from triagent.errors import TriagentError


def main(text: str) -> None:
    """Run all steps."""
    wanted = json.loads(text)
    if _step("library", _library) and _step("devices", _devices) and wanted["model"]:
        _step("self-test", lambda: _self_test(wanted))


def _step(name: str, look: Any) -> bool:
    try:
        found = {"step": name, "found": look()}
    except TriagentError as error:
        found = {"step": name, "error": str(error)}
    print(json.dumps(found), flush=True)
    return "found" in found


def _library() -> dict[str, Any]:
    from triagent.engine.library import load

    library = load()
    library.bindings.llama_backend_init()
    info = library.bindings.llama_print_system_info().decode("utf-8", "replace")
    return {"folder": str(library.folder), "abi": library.abi_version, "system": info.strip()}


def _devices() -> list[dict[str, Any]]:
    from triagent.engine.devices import devices

    return [asdict(device) for device in devices()]


def _self_test(wanted: dict[str, Any]) -> dict[str, Any]:
    from triagent.engine.assembly import assemble
    from triagent.engine.native import Cache

    model = ModelConfig(
        path=Path(wanted["model"]),
        sidecar=Path(wanted["sidecar"]) if wanted["sidecar"] else None,
        gpu_layers=wanted["gpu_layers"],
        n_ctx=4096,
        cache_type=wanted["cache_type"],
    )
    # A small cache: what is tested is arithmetic, which does not depend on its size.
    parts = assemble(model, CacheConfig(budget=1024, chunk=256, policy=wanted["policy"]))
    bounded = parts.hook is not None
    if bounded:
        Cache(parts.context.handle).self_test()
    return {"bounded": bounded, "policy": parts.policy.name, "notes": list(parts.notes)}


if __name__ == "__main__":
    main(sys.argv[1])
