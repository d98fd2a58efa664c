"""Dialects that name the tool in a header and then give its arguments as JSON.

Mistral, Devstral   [TOOL_CALLS]read[ARGS]{...}   or   [TOOL_CALLS]read[CALL_ID]id[ARGS]{...}
DeepSeek V3.1, R1   <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read<｜tool▁sep｜>{...}
Kimi K2             <|tool_call_begin|>functions.read:0<|tool_call_argument_begin|>{...}
Solar               <|tool_call:begin|>id<|tool_call:name|>read<|tool_call:args|>{...}
Functionary 3.1     <function=read>{...}</function>
Functionary 3.2     >>>read\n{...}
"""

from string import ascii_letters, digits

from triagent.engine.formats import jsonish
from triagent.engine.formats.dialect import Dialect, Think
from triagent.engine.formats.grammar import Chars, Lit, Repeat, alt, seq
from triagent.engine.formats.jsoncalls import headed_grammar, read_headed

_CALL_ID = Repeat(seq("[CALL_ID]", Repeat(Chars(ascii_letters + digits), 9)), 1)

MISTRAL = Dialect(
    family="mistral",
    opens=("[TOOL_CALLS]",),
    closes=(),
    read=read_headed(
        r"(?:^|\[TOOL_CALLS\])\s*(?P<name>[\w.-]+)\s*(?:\[CALL_ID\](?P<id>\w+))?\s*(?:\[ARGS\])?"
    ),
    signs=("[TOOL_CALLS]", "[ARGS]"),
    think=Think("[THINK]", "[/THINK]"),
    grammar=headed_grammar(lambda name: seq(name, _CALL_ID, "[ARGS]"), between="[TOOL_CALLS]"),
)
DEEPSEEK = Dialect(
    family="deepseek",
    opens=("<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"),
    closes=("<｜tool▁calls▁end｜>",),
    read=read_headed(
        r"(?:<｜tool▁call▁begin｜>|^)\s*(?:function<｜tool▁sep｜>(?=[^\n{]*\n))?"
        r"(?P<name>[\w.-]+)(?:<｜tool▁sep｜>|\s)"
    ),
    whole=jsonish.ends_whole,
    signs=("<｜tool▁calls▁begin｜>",),
    stops=("<｜end▁of▁sentence｜>",),
    grammar=headed_grammar(
        lambda name: seq(
            Repeat(Lit("<｜tool▁call▁begin｜>"), 1),
            alt(f"{name}<｜tool▁sep｜>", f"function<｜tool▁sep｜>{name}\n```json\n"),
        ),
        end=seq(Repeat(Lit("```"), 1), "<｜tool▁call▁end｜>", Repeat(Lit("\n"), 1)),
        after="<｜tool▁calls▁end｜>",
        between="",
    ),
)
KIMI = Dialect(
    family="kimi",
    opens=("<|tool_calls_section_begin|>", "<|tool_call_begin|>"),
    closes=("<|tool_calls_section_end|>",),
    read=read_headed(
        r"(?:<\|tool_call_begin\|>|^)\s*(?P<id>(?:functions\.)?(?P<name>[\w.-]+?)(?::\d+)?)"
        r"\s*<\|tool_call_argument_begin\|>"
    ),
    whole=jsonish.ends_whole,
    signs=("<|tool_calls_section_begin|>",),
    stops=("<|im_end|>",),
    grammar=headed_grammar(
        lambda name: seq(
            Repeat(Lit("<|tool_call_begin|>"), 1),
            f"functions.{name}:",
            Chars(digits),
            Repeat(Chars(digits), 3),
            "<|tool_call_argument_begin|>",
        ),
        end="<|tool_call_end|>",
        after="<|tool_calls_section_end|>",
        between="",
    ),
)
SOLAR = Dialect(
    family="solar",
    opens=("<|tool_calls|>",),
    closes=("<|calls|>",),
    read=read_headed(
        r"<\|tool_call:begin\|>(?P<id>[\w.-]*)<\|tool_call:name\|>(?P<name>[\w.-]+)"
        r"<\|tool_call:args\|>"
    ),
    whole=jsonish.ends_whole,
    signs=("<|tool_call:begin|>",),
    stops=("<|calls|>",),
    noise=("<|begin|>assistant", "<|content|>", "<|end|>"),
    prime="<|begin|>assistant",
    think=Think("<|think|>", "<|end|>"),
    after_think="<|begin|>assistant<|content|>",
    grammar=headed_grammar(
        lambda name: seq(
            "<|tool_call:begin|>",
            Repeat(Chars(ascii_letters + digits + "_-"), 40),
            f"<|tool_call:name|>{name}<|tool_call:args|>",
        ),
        end="<|tool_call:end|>",
        between="",
    ),
)
FUNCTIONARY_31 = Dialect(
    family="functionary-3.1",
    opens=("<function=",),
    closes=("</function>",),
    read=read_headed(r"^<function=(?P<name>[\w.-]+)>"),
    whole=jsonish.ends_whole,
    signs=("<function=example_function_name>{",),
    stops=("<|eom_id|>", "<|eot_id|>"),
    keeps_open=True,
    grammar=headed_grammar(lambda name: f"<function={name}>", after="</function>"),
)
FUNCTIONARY_32 = Dialect(
    family="functionary-3.2",
    opens=(">>>{name}\n",),
    closes=(),
    read=read_headed(r">>>(?P<name>[\w.-]+)\n"),
    signs=(">>>all", ">>>${recipient}"),
    stops=("<|eot_id|>",),
    noise=(">>>all\n",),
    prime=">>>",
    keeps_open=True,
    grammar=headed_grammar(lambda name: f">>>{name}\n", between=""),
)
