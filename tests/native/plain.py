"""Logits of a model from whatever library LLAMA_CPP_LIB_PATH names, run as a program.

    python plain.py VENDOR MODEL OUT.npy

VENDOR holds the bindings' package llama_cpp. No function of the patch is called.
"""

from __future__ import annotations

import sys

import numpy as np


def main(vendor: str, model_path: str, out: str) -> None:
    sys.path.insert(0, vendor)
    from llama_cpp import llama_cpp as lib

    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_extra_bufts = False
    model = lib.llama_model_load_from_file(model_path.encode(), params)
    n_vocab = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    logits = []
    for flash, kind in ((1, 1), (0, 0), (1, 8)):
        options = lib.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_ubatch = 512, 64, 64
        options.n_threads = options.n_threads_batch = 1
        options.flash_attn_type, options.type_k, options.type_v = flash, kind, kind
        context = lib.llama_init_from_model(model, options)
        rng = np.random.default_rng(0)
        pos = 0
        for n in (64, 64, 13, 1, 1, 1, 30, 1):
            batch = lib.llama_batch_init(n, 0, 1)
            for i, token in enumerate(rng.integers(0, n_vocab, n)):
                batch.token[i], batch.pos[i], batch.logits[i] = int(token), pos + i, True
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            batch.n_tokens = n
            assert lib.llama_decode(context, batch) == 0
            for i in range(n):
                row = lib.llama_get_logits_ith(context, i)
                logits.append(np.ctypeslib.as_array(row, (n_vocab,)).copy())
            lib.llama_batch_free(batch)
            pos += n
            memory = lib.llama_get_memory(context)
            if n == 13 and lib.llama_memory_seq_rm(memory, 0, pos - 5, -1):
                pos -= 5  # rolled back, where the memory can
        lib.llama_free(context)
    np.save(out, np.stack(logits))


if __name__ == "__main__":
    main(*sys.argv[1:])
