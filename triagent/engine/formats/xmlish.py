"""Dialects that put each argument between tags of its own.

Qwen3-Coder, Qwen 3.5, Nemotron 3, StepFun   <tool_call><function=read><parameter=path>
Seed-OSS                                     <seed:tool_call><function=read><parameter=path>
MiniMax M2                                   <minimax:tool_call><invoke name="read">
Muse                                         <atem:function_calls><atem:invoke name="read">
DeepSeek V3.2, V4                            <｜DSML｜tool_calls><｜DSML｜invoke name="read">
MiniCPM 5                                    <function name="read"><param name="path">
GLM 4.5 to 4.7, Laguna, Ling, Spark          <tool_call>read<arg_key>path</arg_key>
Hunyuan 3                                    <tool_calls:opensource><tool_call:opensource>
Kimi K3                                      <|open|>call tool="read" index="1"<|sep|>
"""

from triagent.engine.formats import tagged
from triagent.engine.formats.dialect import Dialect, Think
from triagent.engine.formats.grammar import alt
from triagent.engine.formats.tagged import Tags

_FUNCTION = Tags(
    call=r"<function=(?P<name>[^>\n]+)>?",
    key=r"<parameter=(?P<key>[^>\n]+)>",
    value_end="</parameter>",
    call_end="</function>",
    write_call="<function={name}>",
    write_key="<parameter={key}>",
)
QWEN_CODER = Dialect(
    family="qwen-coder",
    opens=("<tool_call>",),
    closes=("</tool_call>",),
    read=tagged.reader(_FUNCTION),
    whole=tagged.ends_whole(_FUNCTION),
    signs=("<tool_call>", "<function=", "<parameter="),
    stops=("<|im_end|>",),
    grammar=tagged.grammar(_FUNCTION, close="</tool_call>"),
)
SEED = Dialect(
    family="seed",
    opens=("<seed:tool_call>",),
    closes=("</seed:tool_call>",),
    read=tagged.reader(_FUNCTION),
    whole=tagged.ends_whole(_FUNCTION),
    signs=("<seed:tool_call>",),
    stops=("<seed:eos>",),
    think=Think("<seed:think>", "</seed:think>"),
    grammar=tagged.grammar(_FUNCTION, close="</seed:tool_call>"),
)

_INVOKE = Tags(
    call=r'<invoke name="(?P<name>[^"\n]+)">',
    key=r'<parameter name="(?P<key>[^"\n]+)">',
    value_end="</parameter>",
    call_end="</invoke>",
    write_call='<invoke name="{name}">',
    write_key='<parameter name="{key}">',
)
MINIMAX = Dialect(
    family="minimax",
    opens=("<minimax:tool_call>",),
    closes=("</minimax:tool_call>",),
    read=tagged.reader(_INVOKE),
    whole=tagged.ends_whole(_INVOKE),
    signs=("<minimax:tool_call>",),
    stops=("[e~[",),
    grammar=tagged.grammar(_INVOKE, close="</minimax:tool_call>"),
)

_ATEM = Tags(
    call=r'<atem:invoke name="(?P<name>[^"\n]+)">',
    key=r'<atem:parameter name="(?P<key>[^"\n]+)">',
    value_end="</atem:parameter>",
    call_end="</atem:invoke>",
    write_call='<atem:invoke name="{name}">',
    write_key='<atem:parameter name="{key}">',
)
MUSE = Dialect(
    family="muse",
    opens=("<atem:function_calls>",),
    closes=("</atem:function_calls>",),
    read=tagged.reader(_ATEM),
    whole=tagged.ends_whole(_ATEM),
    signs=("<atem:function_calls>",),
    stops=("<|eot|>",),
    noise=(
        "<|start|>assistant<|message|>",
        "<|start|>assistant to=user<|message|>",
        "<|start|>assistant to={name}<|message|>",
        "<|eom|>",
    ),
    prime="<|start|>assistant",
    think=Think("<|start|>assistant to=self<|message|>", "<|eom|>"),
    after_think="<|start|>assistant to=user<|message|>",
    grammar=tagged.grammar(_ATEM, close="</atem:function_calls>"),
)

_DSML = Tags(
    call=r'<｜DSML｜invoke name="(?P<name>[^"\n]+)">',
    key=r'<｜DSML｜parameter name="(?P<key>[^"\n]+)"(?: string="(?:true|false)")?>',
    value_end="</｜DSML｜parameter>",
    call_end="</｜DSML｜invoke>",
    write_call='<｜DSML｜invoke name="{name}">',
    write_key='<｜DSML｜parameter name="{key}" string="false">',
    write_text_key='<｜DSML｜parameter name="{key}" string="true">',
)
DSML = Dialect(
    family="dsml",
    opens=("<｜DSML｜function_calls>", "<｜DSML｜tool_calls>"),
    closes=("</｜DSML｜function_calls>", "</｜DSML｜tool_calls>"),
    read=tagged.reader(_DSML),
    whole=tagged.ends_whole(_DSML),
    signs=("DSML",),
    stops=("<｜end▁of▁sentence｜>",),
    grammar=tagged.grammar(_DSML, close=alt("</｜DSML｜function_calls>", "</｜DSML｜tool_calls>")),
)

_PARAM = Tags(
    call=r'<function name="(?P<name>[^"\n]+)">',
    key=r'<param name="(?P<key>[^"\n]+)">',
    value_end="</param>",
    call_end="</function>",
    write_call='<function name="{name}">',
    write_key='<param name="{key}">',
)
MINICPM = Dialect(
    family="minicpm",
    opens=("<function name=",),
    closes=("</function>",),
    read=tagged.reader(_PARAM),
    # The region's mark is the call's own: a body ends whole where a value does.
    whole=lambda body: body.rstrip().endswith("</param>") or "<param" not in body,
    signs=('<function name="', '<param name="'),
    stops=("<|im_end|>",),
    keeps_open=True,
    grammar=tagged.grammar(_PARAM),
)

_ARG_KEY = Tags(
    call=r"^\s*(?P<name>[\w.-]+)\s*(?=<arg_key>|$)",
    key=r"<arg_key>(?P<key>[^<]+)</arg_key>\s*<arg_value>",
    value_end="</arg_value>",
    call_end="",
    write_call="{name}",
    write_key="<arg_key>{key}</arg_key>",
    write_value="<arg_value>",
)
GLM = Dialect(
    family="glm",
    opens=("<tool_call>",),
    closes=("</tool_call>",),
    read=tagged.reader(_ARG_KEY),
    whole=tagged.ends_whole(_ARG_KEY),
    signs=("<tool_call>", "<arg_key>"),
    stops=("<|user|>", "<|observation|>", "</assistant>", "<|role_end|>"),
    grammar=tagged.grammar(_ARG_KEY, close="</tool_call>"),
)

_HUNYUAN = Tags(
    call=r"<tool_call(?::\w+)?>(?P<name>[\w.-]+)<tool_sep(?::\w+)?>",
    key=r"<arg_key(?::\w+)?>(?P<key>[^<]+)</arg_key(?::\w+)?>\s*<arg_value(?::\w+)?>",
    value_end="</arg_value:opensource>",
    call_end="</tool_call:opensource>",
    write_call="<tool_call:opensource>{name}<tool_sep:opensource>",
    write_key="<arg_key:opensource>{key}</arg_key:opensource>",
    write_value="<arg_value:opensource>",
)
HUNYUAN = Dialect(
    family="hunyuan",
    opens=("<tool_calls:opensource>",),
    closes=("</tool_calls:opensource>",),
    read=tagged.reader(_HUNYUAN),
    whole=tagged.ends_whole(_HUNYUAN),
    signs=("hy_Assistant",),
    stops=("<｜hy_eos:opensource｜>",),
    think=Think("<think:opensource>", "</think:opensource>"),
    grammar=tagged.grammar(_HUNYUAN, close="</tool_calls:opensource>"),
)

_K3 = Tags(
    call=r'<\|open\|>call tool="(?P<name>[^"\n]+)"[^<]*<\|sep\|>',
    key=r'<\|open\|>argument key="(?P<key>[^"\n]+)"[^<]*<\|sep\|>',
    value_end="<|close|>argument<|sep|>",
    call_end="<|close|>call<|sep|>",
    write_call='<|open|>call tool="{name}" index="1"<|sep|>',
    write_key='<|open|>argument key="{key}" type="string"<|sep|>',
)
KIMI_K3 = Dialect(
    family="kimi-k3",
    opens=("<|open|>tools<|sep|>",),
    closes=("<|close|>tools<|sep|>",),
    read=tagged.reader(_K3),
    whole=tagged.ends_whole(_K3),
    signs=("<|open|>", "<|end_of_msg|>"),
    stops=("<|end_of_msg|>",),
    noise=(
        "<|open|>response<|sep|>",
        "<|close|>response<|sep|>",
        "<|close|>message<|sep|>",
    ),
    think=Think("<|open|>think<|sep|>", "<|close|>think<|sep|>"),
    after_think="<|open|>response<|sep|>",
)
