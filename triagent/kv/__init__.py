"""Which keys stay: scores, plans, policies, and the file that carries a model's centers.

numpy only; knows nothing of ctypes, of the native library or of a running model. The method is
TriAttention (arXiv:2604.04921). Letters, once for the whole package:

    l, h      layer; query head. `n_group` query heads share one KV head
    f         band: one rotated pair of dimensions, as a complex number. `n_band = n_rot / 2`
    omega_f   angular frequency of band f, radians per position
    mu_f      center: complex mean of the queries before RoPE (`q_center`)
    m_f       norm: mean of their magnitudes (`q_norm`); concentration is |mu_f| / m_f
    k, c      a key before RoPE, and as cached: c_f = s exp(i omega_f p) k_f at position p
    s         what RoPE multiplies lengths by (YaRN), 1 otherwise (`magnitude`)
    t         `now`: position of the next token
    d         an offset; `offsets` are 1, 2, 4, ..., 65536
    g_f       mean over d of exp(i omega_f d): a constant of the model

A score is higher for what is kept. A row is one (cache layer, KV head); a set is what one
selection is made for: a row, a KV head index over all layers, or everything.
"""
