"""Tiny models whose memory cannot be evicted from, or not by scores: one of each kind.

Every architecture here has tensors of its own, so each lists them whole.
"""

from __future__ import annotations

from tests.native.models import N_VOCAB, Shape

Dims = dict[str, tuple[int, ...]]


def _ends(n: int) -> Dims:
    return {
        "token_embd.weight": (N_VOCAB, n),
        "output_norm.weight": (n,),
        "output.weight": (N_VOCAB, n),
    }


def _layers(n_layer: int, layer: Dims) -> Dims:
    return {f"blk.{il}.{name}": dims for il in range(n_layer) for name, dims in layer.items()}


def _ffn(n: int, ff: int) -> Dims:
    return {"ffn_norm.weight": (n,), "ffn_up.weight": (ff, n), "ffn_down.weight": (n, ff)}


def _fused(n: int, ff: int) -> Dims:
    attention = {"attn_qkv.weight": (3 * n, n), "attn_output.weight": (n, n)}
    return {"attn_norm.weight": (n,)} | attention | _ffn(n, ff)


def _with_biases(tensors: Dims) -> Dims:
    """Every tensor but the embedding and the output with a bias as long as its rows."""
    biases = {
        name.replace(".weight", ".bias"): (dims[0],)
        for name, dims in tensors.items()
        if name not in ("token_embd.weight", "output.weight")
    }
    return tensors | biases


def _latent(n: int, n_head: int, ff: int) -> Dims:
    """Multi-head latent attention as `MLA` below has it: one wide key of 64 + 32 per cell."""
    return {
        "attn_norm.weight": (n,),
        "attn_q_a_norm.weight": (32,),
        "attn_kv_a_norm.weight": (64,),
        "attn_q_a.weight": (32, n),
        "attn_q_b.weight": (n_head * 64, 32),
        "attn_kv_a_mqa.weight": (64 + 32, n),
        "attn_k_b.weight": (n_head, 64, 32),
        "attn_v_b.weight": (n_head, 32, 64),
        "attn_output.weight": (n, n_head * 32),
        "ffn_gate.weight": (ff, n),
    } | _ffn(n, ff)


def _recurrent(n: int) -> Dims:
    inner, state, rank = 2 * n, 16, 8
    return {
        "attn_norm.weight": (n,),
        "ssm_in.weight": (2 * inner, n),
        "ssm_conv1d.weight": (inner, 4),
        "ssm_conv1d.bias": (inner,),
        "ssm_x.weight": (rank + 2 * state, inner),
        "ssm_dt.weight": (inner, rank),
        "ssm_dt.bias": (inner,),
        "ssm_a": (inner, state),
        "ssm_d": (inner,),
        "ssm_out.weight": (n, inner),
    }


def _indexer(n: int) -> Dims:
    return {
        "indexer.k_norm.weight": (64,),
        "indexer.k_norm.bias": (64,),
        "indexer.proj.weight": (2, n),
        "indexer.attn_k.weight": (64, n),
        "indexer.attn_q_b.weight": (2 * 64, 32),
    }


_EMBD_NORM: Dims = {"token_embd_norm.weight": (64,)}
_LATENT_KEYS = {
    "attention.q_lora_rank": 32,
    "attention.kv_lora_rank": 64,
    "attention.key_length": 96,
    "attention.value_length": 64,
    "attention.key_length_mla": 64,
    "attention.value_length_mla": 32,
    "rope.dimension_count": 32,
    "leading_dense_block_count": 2,
    "expert_shared_count": 1,
    "expert_feed_forward_length": 64,
    "expert_count": 2,
    "expert_used_count": 1,
    "expert_gating_func": 1,
}
_DSA_KEYS = {
    "attention.indexer.head_count": 2,
    "attention.indexer.key_length": 64,
    "attention.indexer.top_k": 32,
}
_SSM_KEYS = {
    "ssm.conv_kernel": 4,
    "ssm.inner_size": 128,
    "ssm.state_size": 16,
    "ssm.time_step_rank": 8,
}

BLOOM = Shape(
    "bloom", n_head_kv=4, head_dim=16,
    tensors=_with_biases(_ends(64) | _EMBD_NORM | _layers(2, _fused(64, 64))),
)  # fmt: skip
MPT = Shape(
    "mpt", n_head_kv=4, head_dim=16, extra={"attention.max_alibi_bias": 8.0},
    tensors=_ends(64) | _layers(2, _fused(64, 64)),
)  # fmt: skip
MAMBA = Shape("mamba", extra=_SSM_KEYS, tensors=_ends(64) | _layers(2, _recurrent(64)))
MLA = Shape(
    "deepseek2", n_head_kv=1, extra=_LATENT_KEYS,
    tensors=_ends(64) | _layers(2, _latent(64, 4, 64)),
)  # fmt: skip
DSA = Shape(
    "deepseek32", n_head_kv=1, extra=_LATENT_KEYS | _DSA_KEYS,
    tensors=_ends(64) | _layers(2, _latent(64, 4, 64) | _indexer(64)),
)  # fmt: skip
