"""gpt-oss: every part of a message has a header that says who it is for.

<|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>commentary
to=functions.read <|constrain|>json<|message|>{"path": "a.py"}<|call|>
"""

from triagent.engine.formats import jsonish
from triagent.engine.formats.dialect import Dialect, Think
from triagent.engine.formats.grammar import Lit, Repeat, alt, seq
from triagent.engine.formats.jsoncalls import headed_grammar, read_headed

_HEADER = seq(
    Repeat(Lit("<|channel|>commentary"), 1),
    Repeat(alt(" <|constrain|>json", " json"), 1),
    "<|message|>",
)

HARMONY = Dialect(
    family="harmony",
    opens=(
        "<|start|>assistant to=functions.",
        "<|channel|>commentary to=functions.",
        "<|channel|>analysis to=functions.",
    ),
    closes=("<|call|>", "<|end|>"),
    read=read_headed(r"^\s*(?P<name>[\w.-]+).*?<\|message\|>"),
    whole=jsonish.ends_whole,
    signs=("<|channel|>", "<|call|>"),
    stops=("<|call|>", "<|return|>"),
    end="<|end|>",
    noise=(
        "<|start|>assistant",
        "<|channel|>final<|message|>",
        "<|channel|>commentary<|message|>",
        "<|end|>",
        "<|return|>",
    ),
    prime="<|start|>assistant",
    think=Think("<|channel|>analysis<|message|>", "<|end|>"),
    after_think="<|start|>assistant<|channel|>final<|message|>",
    grammar=headed_grammar(lambda name: seq(name, _HEADER)),
)
