"""A loaded model: weights and vocabulary, owned by this process until closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from triagent.config import ModelConfig
from triagent.engine.devices import cpu_threads, devices, gpu_layers
from triagent.engine.library import load
from triagent.engine.logs import LogRing
from triagent.engine.model_file import ModelFile, open_model_file
from triagent.engine.vocab import Vocab
from triagent.errors import ModelError


def extra_buffers(is_quantized: bool, system_info: str) -> bool:
    """Whether the CPU backend may repack weights.

    Repacking is what makes quantised weights fast on a CPU, so it is on, but for one case: GCC
    compiles ggml's AMX code so that a tile configuration is loaded that was not written
    (`ggml_tile_config_init`; the intrinsic declares 8 bytes of input for 64), and the first
    quantised product of more than one token faults. A build in which that is repaired says so
    among its features; floating-point weights never go that way.
    """
    has_amx = "AMX_INT8 = 1" in system_info
    return not (is_quantized and has_amx and "AMX_CONFIG_STORED = 1" not in system_info)


class LoadedModel:
    """Weights and vocabulary. `close` frees them; free every context first."""

    def __init__(self, config: ModelConfig, echo_log: bool = False) -> None:
        """Load `config.path`.

        Raises:
            ModelError: the file is refused here, or by llama.cpp with its last words.
            NativeError: the library is missing or not ours.
        """
        assert config.path is not None
        self.file: ModelFile = open_model_file(Path(config.path))
        self.lib: Any = load().bindings
        self.log = LogRing(self.lib, echo_log)
        self.lib.llama_backend_init()
        self.devices = devices()
        self.n_threads = cpu_threads(config.threads)
        n_layer = self.file.number("block_count")
        self.n_gpu_layers = gpu_layers(
            config.gpu_layers, n_layer, self.file.weight_bytes, self.devices
        )
        self.handle: Any = self._load()
        self.vocab = Vocab(self.lib, self.handle)

    def _load(self) -> Any:
        params = self.lib.llama_model_default_params()
        params.n_gpu_layers = self.n_gpu_layers
        info = self.lib.llama_print_system_info().decode("utf-8", "replace")
        params.use_extra_bufts = extra_buffers(self.file.is_quantized, info)
        handle = self.lib.llama_model_load_from_file(str(self.file.path).encode(), params)
        if not handle:
            raise ModelError(f"{self.file.path}: llama.cpp refused it: {self.log.errors()}")
        if self.lib.llama_model_has_encoder(handle) or not self.lib.llama_model_has_decoder(handle):
            self.lib.llama_model_free(handle)
            raise ModelError(
                f"{self.file.path}: an encoder cannot answer; use a decoder-only model"
            )
        return handle

    @property
    def n_ctx_train(self) -> int:
        return self.lib.llama_model_n_ctx_train(self.handle)

    @property
    def n_params(self) -> int:
        return self.lib.llama_model_n_params(self.handle)

    @property
    def n_layer(self) -> int:
        return int(self.lib.llama_model_n_layer(self.handle))

    @property
    def n_swa(self) -> int:
        """Window of sliding-window layers, positions; 0 when there are none."""
        return self.lib.llama_model_n_swa(self.handle)

    @property
    def on_gpu(self) -> bool:
        return self.n_gpu_layers > 0 and any(d.is_gpu for d in self.devices)

    @property
    def device(self) -> str:
        """Where it runs, in words."""
        gpus = [d.description or d.name for d in self.devices if d.is_gpu]
        if not (gpus and self.n_gpu_layers):
            return f"CPU, {self.n_threads} threads"
        n_layer = self.file.number("block_count")
        partly = "" if self.n_gpu_layers > n_layer else f", {self.n_gpu_layers} of {n_layer} layers"
        return " + ".join(gpus) + partly

    @property
    def chat_template(self) -> str | None:
        """Source of the model's default chat template, None when it has none."""
        source: bytes | None = self.lib.llama_model_chat_template(self.handle, None)
        return None if source is None else source.decode("utf-8", "replace")

    def close(self) -> None:
        if self.handle:
            self.lib.llama_model_free(self.handle)
            self.handle = None
