"""The patched llama.cpp libraries (`lib/`) and llama-cpp-python's bindings (`vendor/`).

Only a place to find them by; `triagent.engine.library` loads and checks them. A package of
its own because an editable install serves `triagent` from the source tree, where no library is.
"""
