"""The wordings: shared fragments, requests by kind, and the cues of word salads.

Syntax: see `wording`. Only slots carry facts. Verbs that destroy stand in the kinds `delete`,
`move`, `overwrite` and nowhere else.
"""

from __future__ import annotations

# ruff: noqa: E501, SIM905  a wording is easier to read in one piece

FRAGMENTS: dict[str, list[str]] = {
    "pre": [
        "(|||||||||please |hey, |hi, |ok, |okay, |now |next, |could you |can you |would you |would you please "
        "|could you please |can you please |I want you to |I need you to |quick one: |so, |and |also, |triagent, "
        "|then |go and |go ahead and |let's |I'd like you to |kindly |pls |plz |yo, |alright, |now please "
        "|help me: |do me a favour and |when you have a moment, |first, |just )"
    ],
    "qpre": [
        "(|||||||||hey, |hi, |ok, |ok so |now |next, |quick question: |so, |and |also, |triagent, |question: "
        "|one more thing: |just wondering, |hm, |sorry, |well, |by the way, )"
    ],
    "tellme": [
        "(tell me|give me|show me|look up|find|find out|get|get me|fetch|check|report|print|return|grab|read out|"
        "say|state|let me know|let me have|pull up|bring up|name|quote|determine|figure out|extract|pick out|"
        "dig out|dig up|retrieve|hand me|send me|display|output|see|verify|confirm|lookup)"
    ],
    "whatis": ["(what is|what's|which is|whats|what was|what would be|what might be|what exactly is)"],
    "q": ["(?|?|?||||?? |? thanks|, please?| please|, anyone?|?!)"],
    "post": [
        "(||||||| please|, please| for me| now|, thanks| if you can| when you can| thanks| pls| quickly|, would you|, ok?)"
    ],
    "in": ["(in|in|in|inside|from|of|within|according to|set in|defined in|given in|as per|per|at|over in|under|for)"],
    "look": [
        "(open|read|check|look at|look in|look into|look inside|peek into|peek at|inspect|go through|see|consult|"
        "have a look at|take a look at|examine|scan|view|skim|go to|go into|take)"
    ],
    "set": [
        "(change|set|update|switch|modify|edit|adjust|turn|put|make|alter|bring|fix|raise|lower|bump|increase|"
        "decrease|reduce|reset|correct|tweak|configure|revise|move)"
    ],
    "to": ["(to|to|to|to|as|to be|=|to the value|to now be|into)"],
    "mention": [
        "(mentions|mention|contains|contain|has|have|defines|sets|refers to|talks about|includes|uses|references|"
        "holds|says|deals with)"
    ],
    "any_more": ["(any more|anymore|any longer|now|these days)"],
    "context": [
        "I'm preparing a release", "for the report I write", "{p} asked me about this", "my boss wants to know this",
        "we have a meeting in {n} minutes", "I'm new to this project", "this is urgent", "sorry to bother you again",
        "before we go on", "while you are at it", "I am not sure about this", "I keep forgetting this",
        "as we discussed with {p}", "for the {w} demo", "something is wrong with the {w} setup", "our client needs this",
        "I'm writing the documentation", "no hurry", "thanks for the help so far", "great work so far",
        "one last thing for today", "it is about the {w} thing", "{p} says we should look at this", "just to be safe",
        "I have to explain this to {p}", "the {w} team complained", "I lost track of it", "I was reading about {w}",
        "we need it for {w}", "it's for {p}", "it broke {n} days ago", "there is a bug somewhere",
        "I think it was {p} who wrote it", "let me think", "ok here is the next one", "don't change anything",
    ],
}  # fmt: skip

PHRASES: dict[str, list[str]] = {
    # ------------------------------------------------------------ values in files
    "value": [
        "[qpre][whatis] (the |the |)({key}|value of {key}|{key} value|{key} setting|current {key}) [in] (||the file |file |our ){path}[q]",
        "[pre][tellme] (the |)({key}|value of {key}|{key} value|{key} setting) [in] {path}[post]",
        "[pre][look] {path} and ([tellme]) (the {key}|what {key} is|what the {key} is|{key}|what it says for {key}|the value of {key})[post]",
        "{path}: [whatis] (the |){key}[q]", "(which|what) {key} (does|do we have in) {path} (use|have|set|define|specify|list|contain|give|)[q]",
        "(in|inside|looking at|for|regarding|about) {path}(,|:| -) ([whatis]|how much is|which value has) (the |){key}( set to|)[q]",
        "how is (the |){key} (configured|set|defined|specified|declared|given) in {path}[q]", "I need (the |){key} from {path}[post]", "{key} in {path}[q]",
        "what does {path} (say|have|list|give|specify|contain|state|define) (for|about|as|under) (the |){key}[q]",
        "what value (does|has) {key} (have |)(in|within) {path}[q]", "what is {key} set to in {path}[q]", "what did we (set|put|configure) (for |)(as |)(the |){key} (to |)in {path}[q]",
        "(I want|I'd like|I would like|we need|it would help) to (know|see|check|learn|verify|confirm|find out) (the |)({key}|what {key} is|value of {key}) [in] {path}[post]",
        "(any clue|any idea|do we know|do you know|I wonder|can you tell me|could you tell me|tell me) what (the |){key} (is|might be|should be|was) in {path}[q]",
        "{path} (has|should have|contains|holds) (a |the |some |){key}(;|,|.|:) (what is it|which one|which value|show it|tell me|what)[q]",
        "{key} (of|@|from|/|in|for) {path}", "{path} {key}", "{path} / {key}[q]", "{path} -> {key}", "{path}#{key}", "(value|setting) of {key}, file {path}",
        "(my|our|the) (boss|colleague|team|client|friend|customer|manager) (wants|needs|asked for|asks for) (the |){key} from {path}",
        "(not sure|unsure|no idea) (what|which) {key} (is in|we put in|we have in) {path}(, check it|, have a look|. Look it up|, can you check|)[q]",
        "(use|with|based on|according to|as per) {path}, (what is|tell me|give me) (the |){key}[q]", "(please |)(see|consult|use) {path} (for|to find|and find) (the |){key}",
        "the {key} (setting|entry|field|value|line) (of|in) {path}(, please|?|)", "could {path} (tell us|tell me|show) (the |){key}[q]",
        "(would|can|could) you (have a look at|take a look at|check|open|look into) {path} for (me and get |)(the |){key}[q]",
        "(mind|would you mind) (checking|looking up|reading|telling me) (the |){key} in {path}[q]", "how (many|much|long|big|large|high) is (the |){key} in {path}[q]",
        "(double check|double-check|remind me|make sure) what (the |){key} is in {path}", "is there (a|any) {key} in {path}(, and|? If so,| and) what is it[q]",
        "does {path} (have|define|set|contain|specify) (a |the |){key}(, and which| and what is it|? Which one|? What is it)[q]", "where do we stand with {key} in {path}[q]",
    ],
    "value_nested": [
        "[qpre][whatis] (the |){key} (under|of|for|in|inside|within|below|in section|in the section|in the block) {section} in {path}[q]",
        "[pre][tellme] (the |){key} (of|for|under|in) {section} (in|from) {path}[post]", "(in|inside) {path}(,|:) [whatis] (the |){section} {key}[q]",
        "[qpre][whatis] (the |)({section}.{key}|{section} {key}|{section}'s {key}|{section} > {key}|{section}/{key}) [in] {path}[q]", "[pre][look] {path} and [tellme] (the |){key} (of|for|under) {section}[post]",
        "what {key} does {section} (have|use|get) in {path}[q]", "which {key} is (set|configured|given|defined) for {section} in {path}[q]", "{path}: {section} {key}[q]",
        "(under|for|in) {section} (in|of) {path}, [whatis] (the |){key}[q]", "how is {key} set (for|under|in) {section} in {path}[q]",
        "{section}.{key} in {path}[q]", "{path} {section}.{key}", "[pre][tellme] {section}.{key} [in] {path}[post]",
    ],
    "value_nopath": [
        "[qpre][whatis] (the |our |the project's |){key}[q]", "[pre][tellme] (the |our |){key}[post]", "(which|what) {key} (do we use|are we using|do we have|is set|is configured|is used|does this project use|does the project have)[q]",
        "how is (the |our |){key} (configured|set|defined)[q]", "where is {key} (set|defined|configured) and (what is it|to what|what value does it have)[q]", "I need (the |our |){key}[post]",
        "what is {key} set to[q]", "what's the value of {key}[q]", "(any idea|do you know|can you find out|could you check|find out|look up) what (the |our |){key} is[q]", "(current|our) {key}[q]",
        "[whatis] the (current |default |)value of (the |){key}( here| in this project| in the code|)[q]", "(search|grep|look) for {key} and tell me (its value|what it is set to)[post]",
    ],
    "fact": [  # {np} is a whole noun phrase, {path} a file
        "[qpre][whatis] {np} (in|according to|from|per|as given in|listed in) {path}[q]", "[pre][tellme] {np} (in|from|according to) {path}[post]", "[pre][look] {path} and [tellme] {np}[post]", "(in|looking at|from) {path}(,|:) [whatis] {np}[q]",
        "what does {path} (say|give|list|state|have) (for|as|about) {np}[q]", "I (need|want) (to know |){np} from {path}", "{path}: {np}[q]", "{np} (in|from) {path}[q]", "(do you know|can you tell me|could you find|find out|find) {np} (in|using|with|from) {path}[q]",
    ],
    "fact_nopath": [
        "[qpre][whatis] {np}[q]", "[pre][tellme] {np}[post]", "I (need|want) (to know |){np}[post]", "(do you know|can you tell me|could you find|find out|any idea about|can you look up|could you check) {np}[q]", "{np}[q]", "[qpre]do we (know|have) {np}[q]",
        "(I'm looking for|I am looking for|looking for|need) {np}", "(where can I find|what do the files say about|what's known about) {np}[q]",
    ],
    "follow": [
        "(and|what about|also|how about|and also|plus|and what about) (the |){key}(?|??||, please)", "(and|) ([whatis]) (the |){key} (there|in it|in that file|in the same file|in that one)[q]", "(the |){key} (too|as well|also)(, please|?|)",
        "same file, {key}[q]", "(now|next) (the |){key}(, please|?|)", "(does it|and does it) (say|give|have) (the |){key}[q]", "which {key} does it (have|set|use)[q]", "and {key}[q]", "what {key} does it (list|have|say)[q]",
        "(what else: |ok, and |good. and |thanks. and ){key}[q]", "(same question|same thing) for {key}[q]",
    ],
    "follow_file": [
        "(and|what about|how about|and what about|same for|same thing for|and the same for) (in |){path}[q]", "(and|) in {path}[q]", "what (does|about) {path} (say|have)[q]", "(now|next) {path}[q]", "(check|do|try) {path} (too|as well|next)", "same (question |)for {path}[q]",
    ],
    "follow_edit": [
        "[set] (it|that|this|that value|this value) (to|into|to be) {new}[post]", "(make it|make that|it should be|that should be|I want it to be|let it be|it needs to be|it has to be) {new}( instead|)[post]", "(please |)(replace|swap) (it|that|that value) (with|by) {new}[post]",
        "(use|put) {new} (instead|there)[post]", "(wrong|not right|too old|too low|too high|outdated)(, |; |. )(change it to|set it to|make it|it has to be|should be) {new}",
        "{new} would be better(, change it|. Change it|, please change|, update it)", "(no, |hm, |ok, |)(change|set|update) (it|that) to {new}",
    ],
    "confirm": ["(is|isn't) (the |){key} {value} in {path}[q]", "(does|doesn't) {path} (set|have|use|say) {key} (to|=|as|:) {value}[q]", "is it (true|right|correct) that {key} is {value} in {path}[q]", "(check|verify|confirm) (that|whether|if) {key} (in|of) {path} is {value}",
        "{key} in {path} is {value}, (right|correct|isn't it|yes)[q]", "I think {key} is {value} in {path}(. Is that right|, am I right|, correct)[q]", "has {path} got {key} set to {value}[q]"],
    "compare": [
        "[qpre](is|does) (the |){key} (the same|equal|identical) in {path} and (in |){path2}[q]", "[pre](compare|check) (the |){key} (in|of|between|across) {path} and {path2}[post]", "do {path} and {path2} (have|use|set|agree on) the same {key}[q]", "(does|do) {key} (differ|match) (in|between) {path} and {path2}[q]",
        "which (has|one has) the (higher|lower|different) {key}(:|,) {path} or {path2}[q]", "(is there a|any) difference in {key} between {path} and {path2}[q]",
    ],
    # ------------------------------------------------------------ folders and names
    "list_root": [
        "[pre](list|show|show me|give me|print|display|enumerate|tell me) (the |all |all the |)(files|contents|entries|items|things|files and folders)( here| in this folder| in the workspace| in this project| in the project| in the root| of the project| in the current directory| of this folder| in the root folder|)[post]",
        "[qpre](what|which) (files|things|items|documents|files and folders|folders) (are|do we have|are there|exist|can you see|are there in|live) (here|in this project|in the project|in this folder|in the workspace|in the root|at the top level|in the repo|in this repo|in the current directory|in the main folder|in this directory)[q]",
        "what('s| is) (here|in here|in this project|in this folder|in the project|in the workspace|in this repo|in the root directory|at the top|in the current folder|around)[q]", "ls", "dir", "ls .", "what (do we have|have we got|can you see|do you see|is there) (here|in this project|in this folder|)[q]",
        "(give me|I need|show me|I want) (an overview|a listing|an inventory|a list|the list|an index) of (the|this) (project|workspace|folder|repo|repository|files|project's files|directory)[post]", "(how does|what does) (the|this) (project|folder|repo|workspace) (look|look like|contain|consist of|have in it)[q]",
        "(look around|take a look around|have a look around|explore the project|look at the project|what are we working with|where am I|what is in the top folder)[q]", "(project|workspace|repo|root) (files|contents|listing|structure|layout)[q]", "[pre](browse|explore|scan|inspect|check out|look through) (this|the) (project|folder|workspace|repo|directory)[post]",
        "(walk|take) me through (the|this) (project|folder|repo)( structure|)[post]", "(which|what) (folders|directories|subfolders) (are there|do we have|exist)( here|)[q]", "(everything|all files|the files) (here|in the project)(, please|)[q]", "(list|show) (everything|all)[post]", "list .", "list the (root|top level|workspace|project)( folder| directory|)",
    ],
    "list": [
        "[pre](list|show|show me|give me|print|display|enumerate|tell me) (the |all |all the |)(files|contents|entries|items|things|documents|names) (in|of|inside|under|from|within) (|the |directory |folder |the folder |the directory ){dir}( folder| directory|)[post]",
        "[qpre](what|which) (files|things|items|documents|entries) (are|do we have|are there|exist|live|can you see|sit|are stored|lie) (in|inside|under|within) (|the |directory |the folder ){dir}( folder| directory|)[q]",
        "[qpre](what is|what's|whats) (in|inside|under|stored in) (|the |the folder ){dir}( folder| directory|)[q]", "ls {dir}", "ls {dir}", "dir {dir}", "(look|have a look|take a look|peek) (in|into|inside|at) {dir} and (tell me|say|list|show me) what (is|you find|you see) there[post]",
        "what does (|the folder |the directory ){dir} (contain|hold|have in it|include)[q]", "(show|give|get) me (a listing|an index|an inventory|a list|the list|an overview) of (|everything in |the files in |what is in |all in ){dir}[post]",
        "(all|every) (files|documents|things|file) in {dir}(, please|)", "{dir} (files|contents|listing|folder)[q]", "is there (anything|something) in {dir}[q]", "[pre](browse|explore|open|check|scan|inspect) (the |)(folder |directory ){dir}[post]",
        "(let me|I want to|I'd like to|I need to) (see|know) what (is|we have|lies|files are) in {dir}[post]", "(contents|files) (of|in) {dir}[q]", "how does {dir} look[q]", "(name|list) (every|each|all) (file|files|item|items) (in|within|under|inside) {dir}", "what (have we got|do we keep|did we put|do we store) (in|under|inside) {dir}[q]",
        "{dir}: contents[q]", "{dir}/[q]", "any files (in|under|inside) {dir}[q]",
    ],
    "find_type": [
        "[pre](find|list|show|show me|give me|get) (all |all the |the |every |any |)({type} files|files ending in {ext}|files with the extension {ext}|{ext} files)( here| in the project| in this project|)[post]", "(which|what|where are the|where are all the) ({type}|{ext}) files (are there|do we have|exist|are in the project|)[q]",
        "(are there|do we have) (any |)({type}|{ext}) files( here|)[q]", "(list|find) (everything ending in|files matching) ({ext}|*{ext})[post]", "(all|the) ({ext}|{type}) files[q]", "(where do the|which of the files are) {type} files( live|)[q]",
    ],
    "count_type": ["how many ({type}|{ext}) files (are there|do we have|are in the project|exist|does the project have)[q]", "[pre]count (the |all |all the |)({type}|{ext}) files[post]", "(what is the |)number of ({type}|{ext}) files[q]"],
    "find_name": [
        "[qpre]where is (the file |){name}[q]", "[pre](find|locate|search for|look for) (the |a |)(file |)(called |named |){name}[post]", "(in which|which) (folder|directory) (is|contains|has) {name}( in|)[q]", "(is there|do we have|does the project have) (a|any) (file |)(called |named |){name}( somewhere| anywhere| here|)[q]",
        "(what is|what's|give me|tell me) the path (of|to) {name}[q]", "I (can't|cannot) find {name}(, where is it|. Where is it|)[q]", "where did (we|I) put {name}[q]", "does {name} exist[q]", "where (does|do we keep|do I find|can I find) {name}( live|)[q]",
    ],
    # ------------------------------------------------------------ searching
    "where": [
        "[qpre](which|what) (file|files) [mention] {pat}[q]", "[qpre]where (is|do we define|do we set|do we use|can I find|does|are we using|did we put|do we have) {pat}( appear| defined| mentioned| used| located|)[q]",
        "[pre](find|search for|look for|grep for|grep|locate|hunt down|track down|search) {pat}( in the workspace| in the files| everywhere| in the code| in the project| in all files| anywhere|)[post]", "[pre](tell me|show me) where {pat} (is|appears|is used|is defined|occurs|is mentioned|lives)[post]",
        "(does any file|do any files|is there a file that|is there any file which) (mention|contain|contains|use|uses|have|has) {pat}[q]", "(usages|occurrences|mentions|uses|references) of {pat}[q]", "where's {pat}[q]", "(who|what) (uses|calls|defines|imports|references) {pat}[q]",
        "(search|grep) (the project|the code|all files|the workspace|everything|the files|the repo) for {pat}[post]", "(which lines|which line|what line|on which line) (mention|mentions|contain|has|have|is) {pat}[q]", "(is|was) {pat} (used|mentioned|defined) (anywhere|somewhere)[q]",
    ],
    "find": [
        "[pre](find|figure out|work out|determine|search for|look for) (which|what) file [mention] {pat} and (tell me|give me|report|show me) (its |the |)({key}|value of {key})( there| in it|)[post]", "[qpre]which file [mention] {pat}, and what (is|'s) (its |the |)({key}|value of {key})( there| in it|)[q]",
        "(some|one|one of the) file(s|) (mentions|contains|has|refers to) {pat}. (what is|what's|tell me|give me) (its|the) {key}[q]", "(search|grep|look) for {pat}, (open|read) the file (it is in|that has it|you find) and (tell me|give me|report) (the |){key}[post]", "(what is|give me) the {key} in the file (with|that has|containing|that mentions) {pat}[q]",
    ],
    "count": [
        "[qpre]how many (times does|lines contain|lines mention|lines have|lines with|lines match) {pat} (appear |occur |are there |)(in|are in) {path}[q]", "[pre]count (the |all |)(lines with|occurrences of|matches of|lines that contain|mentions of|lines containing|) {pat} in {path}[post]",
        "(what is|give me|tell me) the number of (lines with|matches for|mentions of|) {pat} (lines |)in {path}[post]", "how often (does|is) {pat} (appear|mentioned|occur|come up) in {path}[q]", "how many {pat} (lines|entries|messages|records) (are|does|are there|have we got) in {path}( have|)[q]", "how many {pat}(s|) in {path}[q]", "number of {pat} in {path}[q]", "{pat} count (in|of|for) {path}[q]",
        "(in|of) {path}, how many lines (have|contain|mention) {pat}[q]", "how many lines (of|in) {path} (have|contain|mention|include) {pat}[q]",
    ],
    # ------------------------------------------------------------ whole files
    "show": [
        "[pre](show|show me|open|print|display|read|cat|view|read out|let me see|output|dump|give me|present|type out|read me|show me all of|print out) (|the file |file |the contents of |what is in |all of |the whole |the text of ){path}[post]", "[qpre](what is|what's|whats) (in|inside|written in|the content of|the contents of) (|the file |file |our ){path}[q]",
        "[qpre]what does {path} (say|contain|look like|read|hold|have in it)[q]", "cat {path}", "cat {path}", "{path}", "{path}[q]", "(content|contents|text) of {path}[q]", "(I want|I'd like|I need) to (see|read|look at) {path}[post]", "(let's|let us) (see|look at|read|open) {path}", "(have|take) a look at {path}[post]", "can I see {path}[q]", "how does {path} look[q]", "what have we (got|written) in {path}[q]",
        "{path} (please|contents|content|, show it|, please show)", "more {path}", "less {path}", "(everything|all|the whole text) in {path}[q]",
    ],
    "head": ["[pre](show|show me|print|read|give me|display) (the |)first (few lines|lines|{n} lines) of {path}[post]", "(how|with what) does {path} (begin|start)[q]", "head {path}", "(what is|what's) (the first line|at the top) (of|in) {path}[q]", "(the beginning|the start|the top) of {path}[q]"],
    "tail": ["[pre](show|show me|print|read|give me|display) (the |)last (few lines|lines|{n} lines) of {path}[post]", "(how|with what) does {path} end[q]", "tail {path}", "tail -n {n} {path}", "(what is|what's) (the last line|at the end|at the bottom) (of|in) {path}[q]", "(the end|the bottom) of {path}[q]", "[pre](print|show|give me) the last {n} (lines|entries) (of|in|from) {path}[post]"],
    "about": [
        "[qpre](what is|what's) {path} (about|for|good for)[q]", "[pre](summarise|summarize|sum up|describe|outline|explain|give me a summary of|give me an overview of|brief me on|tl;dr of|give me the gist of) {path}[post]", "(what is the (purpose|point|topic|subject) of|what do we use) {path}( for|)[q]", "tell me (about|what's up with) {path}[post]", "what (does|do) {path} do[q]", "in short, what is {path}[q]",
    ],
    "project_about": ["[qpre]what is (this|the) (project|repo|repository|codebase|workspace|package) (about|for|called|doing)[q]", "[qpre]what does (this|the) (project|package|app|application|program|code|library) do[q]", "[pre](describe|summarise|summarize|explain|give me an overview of|tell me about) (this|the) (project|repo|repository|codebase)[post]", "(what's|what is) (the purpose|the goal|the aim) of (this|the) project[q]", "what am I looking at (here|)[q]", "what kind of project is this[q]"],
    "names": [
        "[qpre](which|what) {what} (does|are in|are set in|are defined in|are there in|do we have in|can I find in|exist in|are declared in|are listed in|come up in) {path}( define| have| contain| set| list| declare|)[q]", "[pre](list|name|give me|tell me|show|show me|enumerate|print|extract) (the |all |all the |every |)({what}) (in|of|from|defined in|listed in|set in|inside) {path}[post]",
        "{what} (in|of) {path}[q]", "(what are|which are|what're) (the |all the |)({what}) (in|of|from|listed in|defined in) {path}[q]", "[pre][look] {path} and (list|name|tell me|give me) (the |all |all the |){what}[post]", "{path}: {what}[q]",
    ],
    "names_nopath": ["[qpre](which|what) {what} (does|do) (the|this) project (have|use|define|need|list)[q]", "[qpre](what are|which are) (the |our |){what}[q]", "[pre](list|name|give me|tell me|show me) (the |all |all the |our |){what}[post]", "(which|what) {what} (do we have|are there|exist|do we use|are defined)[q]", "our {what}[q]"],
    "function": ["[qpre]what does (the function |the method |){name} (do|return|give back|compute|produce)( in {path}|)[q]", "[pre](explain|describe|show me|show|print) (the function |function |the code of |the definition of |the body of |){name}( in {path}| from {path}|)[post]", "how is {name} (implemented|defined|written)( in {path}|)[q]", "(what is|what's) the (code|implementation|body|definition) of {name}( in {path}|)[q]", "how does {name} work( in {path}|)[q]"],
    "params": ["[qpre](what|which) (arguments|parameters|args|params|inputs) does {name} (take|have|accept|expect|need)( in {path}|)[q]", "(what is|what's) the signature of {name}( in {path}|)[q]", "[pre](list|name|tell me|give me) the (parameters|arguments) of {name}( in {path}|)[post]", "how (do I|should I|can I) call {name}[q]", "(parameters|arguments|signature) of {name}[q]"],
    "default": ["[qpre][whatis] the default (value |)(of|for) (the |)(parameter |argument |){key} (in|of) {name}[q]", "what does {key} default to in {name}[q]", "(if I don't pass|without) {key} to {name}, what is (it|used)[q]", "default {key} (in|of) {name}[q]", "[whatis] the default {key} (in|of|for) {name}[q]"],
    # ------------------------------------------------------------ tables and logs
    "cell": [
        "[qpre][whatis] (the |){col} (of|for|belonging to) {row} (in|according to|from|listed in) {path}[q]", "[qpre][whatis] {row}'s {col} (in|according to|from) {path}[q]", "[pre][tellme] (the |)({col} of {row}|{row}'s {col}|{col} for {row}) (in|from|listed in) {path}[post]", "[pre][look] {path} and [tellme] (the |)({col} of {row}|{row}'s {col})[post]",
        "(which|what) {col} does {row} have (in|according to) {path}[q]", "what does {path} (say|list|give|have) (for|as) (the {col} of {row}|{row}'s {col})[q]", "{row} {col} in {path}[q]", "(look up|find) {row} in {path} and (tell me|give me) (the|their|its|his|her) {col}[post]", "(I need|need) {row}'s {col} from {path}", "in {path}, [whatis] {row}'s {col}[q]", "{path}: {col} of {row}[q]", "how (many|much) {col} (of|for|does) {row} (is there|have|are there|) (in|according to) {path}[q]",
    ],
    "cell_nopath": ["[qpre][whatis] {row}'s {col}[q]", "[qpre][whatis] the {col} (of|for) {row}[q]", "[pre][tellme] ({row}'s {col}|the {col} of {row})[post]", "(do you know|can you find|could you look up|I need) {row}'s {col}[q]", "(which|what) {col} does {row} have[q]", "{row} {col}[q]", "how do I (reach|find) {row}'s {col}[q]"],
    "rows_where": ["[qpre](who|which ones|which entries|which rows|which {thing}s|which|what) (has|have|are|is|with) (the |)(a |){col} {value} (in|according to) {path}[q]", "[pre](list|name|show|show me|find|give me) (all |the |all the |every |)(rows|entries|{thing}s|lines|ones|{thing}) (with|where|whose|having) (the |){col} (is |= |of |equal to |){value} (in|from|of) {path}[post]", "(in|from) {path}, (who|which) (has|have) {col} {value}[q]", "(who|which {thing}) (is|has) {value} (in|as {col} in) {path}[q]", "whose {col} is {value} in {path}[q]"],
    "count_rows": ["how many (rows|entries|records|{thing}s|data rows|items) (are|does|are there|do we have) (in |){path}( have| contain| list|)[q]", "[pre]count the (rows|entries|records|{thing}s) (in|of) {path}[post]", "(what is|give me) the number of (rows|entries|records|{thing}s) in {path}[q]", "(row|entry|record) count of {path}[q]"],
    "extreme": ["[qpre](which|what) {thing} has the {most} {col} (in|according to) {path}[q]", "(find|tell me|give me|show me|which is) the {thing} with the {most} {col} in {path}[post]", "(who|what) has the {most} {col} in {path}[q]", "(what is|what's|give me|find) the {most} {col} in {path}[q]", "the {most} {col} in {path}[q]", "{most} {col} in {path}[q]", "(in|of) {path}, (which|what) {thing} has the {most} {col}[q]"],
    "sum": ["(what is|what's|give me|tell me|compute|calculate) the (total|sum|overall) (of |)(the |all |){col}(s| column| values|) in {path}[q]", "[pre](add up|sum|sum up|total) (the |all |){col}(s| column| values|) in {path}[post]", "how much {col} (is it|in total|altogether|overall) in {path}[q]", "(total|sum of) {col} in {path}[q]"],
    "average": ["(what is|what's|give me|tell me|compute|calculate) the (average|mean) (of |)(the |){col}( column| values|) in {path}[q]", "[pre](average|work out the average of|compute the mean of) (the |){col} in {path}[post]", "(average|mean) {col} (in|of) {path}[q]"],
    "last_error": ["[qpre](what is|what was|what's|which is) the (last|latest|most recent|newest|final) (error|ERROR)( message|) in {path}[q]", "[pre](show me|tell me|give me|find|report|show|print) the (last|latest|most recent|newest) error( message| line|) (in|from|of) {path}[post]", "what went wrong (last|most recently) in {path}[q]", "what error (is|came|occurred) last in {path}[q]", "latest error in {path}[q]"],
    "first_error": ["[qpre](what is|what was|what's|which is) the (first|earliest|oldest) (error|ERROR)( message|) in {path}[q]", "[pre](show me|tell me|give me|find|report|show|print) the (first|earliest) error( message| line|) (in|from|of) {path}[post]", "(which|what) error (came|occurred|happened) first in {path}[q]"],
    "all_level": ["[pre](show|show me|list|print|give me|find) (the |all |all the |every |)({level}s|{level} lines|{level} messages|{level} entries) (in|from|of) {path}[post]", "(what|which) {level}s (are|were|happened|occurred|do we have|are there) (in |)(logged in |){path}[q]", "(are there|did we get|were there) (any |){level}s in {path}[q]", "what {level} (messages|lines) does {path} have[q]", "{level}s in {path}[q]"],
    "log_at": ["[qpre]what (happened|was logged|is logged|occurred|was going on) at {time} in {path}[q]", "[pre](show|tell me|give me) (the entry|the line|what happened) (at|for|from) {time} in {path}[post]", "(in|from) {path}, what (happened|was there) at {time}[q]"],
    # ------------------------------------------------------------ changing files
    "edit": [
        "[pre][set] (the |)({key}|value of {key}|{key} setting|{key} value) (in|of|inside|from|within) {path} [to] {new}[post]", "[pre][set] (the |){key} [to] {new} (in|inside|within) {path}[post]", "in {path}, (please |)[set] (the |){key} [to] {new}[post]", "(make|I want|let|have) (the |){key} in {path} (be |become |to be |at |equal |){new}[post]",
        "[pre](replace|swap) (the |)({key}|value of {key}|current {key}) (in|of) {path} (with|by) {new}[post]", "{key} in {path} (should be|must be|has to be|needs to be|ought to be|shall be|should become) {new}(. Please fix it|, fix it|, change it|. Change it|, please|)",
        "(I want|I'd like|we need|I need) (the |){key} (set|changed|updated|switched|to be set|to be changed) to {new} in {path}[post]", "{path}: [set] {key} [to] {new}", "set {path} {key} [to] {new}", "for {path}, (please |)(use |set |){key} = {new}", "[pre](open|edit|modify|patch|take|go into) {path} (and|then|, then) [set] (the |){key} (to|into|=) {new}[post]",
        "let {path} have {new} (as|for) (the |){key}", "{key} (is wrong|is outdated|has to change|is not right|is no longer right) in {path}(, |; |. )(it should be|set it to|make it|use|put) {new}", "(assign|give|use|put) {new} (to|as|for) (the |){key} in {path}", "{path} needs (the |){key} (set to|at|to be) {new}", "(the|our) new {key} (for|in) {path} is {new}(, update it|, change it|. Edit the file.|. Please update.)",
        "(the |){key} -> {new} (in|,) {path}", "{path} {key} -> {new}", "{key}={new} in {path}(, please|)", "[set] (the |){section} {key} in {path} [to] {new}[post]", "(rewrite|re-set|overwrite) (the |){key} (in|of) {path} (to|with|as) {new}", "from now on (the |){key} (in|of) {path} (is|should be|must be) {new}(, update it|)",
        "(turn|switch) (the |){key} in {path} to {new}", "[pre]make sure (the |){key} (in|of) {path} (is|equals) {new}[post]", "(update|edit|change|modify|fix) {path}(:|, |; | so that |, so that |such that ) (the |){key} (should be|is|becomes|=|equals|reads) {new}",
    ],
    "edit_nopath": ["[pre][set] (the |our |){key} [to] {new}[post]", "[pre](replace|swap) (the |our |)(value of |){key} (with|by) {new}[post]", "(make|I want|let) (the |our |){key} (be|become|to be) {new}[post]", "(the |our |){key} (should be|must be|has to be|needs to be) {new}(, change it|. Please fix it|, fix that|)"],
    "replace": ["[pre](replace|swap|substitute|exchange) {old} (with|by|for|through) {new} in {path}[post]", "[pre](change|turn|convert) {old} (to|into) {new} in {path}[post]", "in {path}, (replace|change|swap|turn) {old} (with|to|by|into) {new}[post]", "{path}: {old} -> {new}", "{path}: (replace|change) {old} (by|with|to) {new}", "(s/{old}/{new}/ in {path})", "{old} in {path} should (read|be|say) {new}(, fix it|, change it|. Please fix|)", "[pre](fix|correct) {path}: it says {old} but (should say|must be|means|it should be) {new}[post]", "there is a typo in {path}: {old} (should be|must be|->) {new}(, fix it|. Please fix it|)"],
    "remove_line": ["[pre](remove|take out|drop|strip|cut|delete) (the line |the entry |the setting |){key} (from|in|out of) {path}[post]", "[pre](remove|delete|drop) (the |){key} (line|setting|entry) (from|in) {path}[post]", "{path} (should|must) no longer (have|contain|set) {key}(, remove it|. Remove it.|, take it out)", "(we|I) (don't|do not) need {key} in {path} [any_more](, remove it|. Remove it|, take it out)"],
    "add_line": ["[pre](add|append|put|insert|write) (the line |a line |){line} (to|to the end of|at the end of|at the bottom of|into|in) {path}[post]", "[pre](extend|complete|supplement) {path} (with|by) (the line |){line}[post]", "{path} (needs|lacks|is missing|should also have) (the line |){line}(, add it|. Add it|)", "{path}: (add|append) {line}", "(also put|also add|and add) {line} (in|to) {path}"],
    "add_setting": ["[pre](add|put|introduce|insert|create|define) (a |an |the |a new |a new setting |a setting |the setting |){key} (=|with value|set to|with the value|: |as|of) {new} (to|in|into) {path}[post]", "{path} (needs|should get|should have) (a |a new |){key} (of|=|set to|with) {new}(, add it|. Please add it|)", "(new setting|new key) for {path}: {key} = {new}"],
    "add_item": ["[pre](add|append|put|write) {item} (to|on|onto|in|into) (my |the |our |)({path}|list in {path}|todo list in {path}|todos in {path}|tasks in {path})[post]", "{path}: (add|new item|one more) {item}", "(I also need to|we also have to|don't forget to) {item}(, add it to|, put it on|, put it in|: add to) {path}"],
    "check_item": ["[pre](mark|tick off|check off|tick|set) {item} (as done |as finished |as complete |done |off |) (in|on) {path}[post]", "{item} is (done|finished|complete|ready)(, mark it in|, update|, tick it in|, check it off in) {path}", "(I finished|we finished|I'm done with) {item}(, mark it in|, update|: tick it in) {path}"],
    "write": [
        "[pre](create|make|write|save|add|start|set up|produce|generate) (a |a new |the |)(file |text file |)(called |named |at |) {path} (with|containing|with the content|with the text|that says|saying|with this content|holding|that contains|which reads|reading)(:|) {content}", "[pre](write|save|put|store|dump) {content} (to|into|in) (|the file |a file called |a new file |a file named |a new file called ){path}[post]",
        "(new file|file|create) {path}: {content}", "[pre](write|save|put) the following (to|into|in) {path}:(\n| ){content}", "(I need|I want|I'd like|we need) (a |)(new |)(file |)(called |named |){path} (with|containing|that says|saying|holding)(:|) {content}", "[pre](create|make|write) {path}(, content:|; content:| - content:|. Content:|, it should say|. It should contain|, text:) {content}",
    ],
    "write_empty": ["[pre](create|make|touch|add) (an |a new |)empty (file |)(called |named |at |) {path}[post]", "touch {path}", "(I need|we need) an empty (file |){path}", "(new|an) empty file {path}"],
    "overwrite": ["[pre](overwrite|replace) (the file |the contents of |the content of |the whole of |everything in |){path} with(:|) {content}", "(replace everything in|empty and rewrite|rewrite the whole file) {path}(:|, with| with) {content}", "{path} should (only|just) (contain|say|hold)(:|) {content}(, overwrite it|. Overwrite it.|)"],
    "delete": ["[pre](delete|remove|erase|get rid of|rm|throw away|trash|discard) (|the file |file ){path}[post]", "(I don't need|we don't need|nobody needs) {path} [any_more](, |. |; |: )(delete|remove|erase|rm) it[post]", "rm {path}", "{path} can go(, delete it|, remove it|. Delete it.)", "{path} is (obsolete|useless|old|not needed)(, delete it|, remove it|. Remove it.)"],
    "delete_dir": ["[pre](delete|remove|erase|get rid of|rm -r) (the (folder|directory) ){dir}( and everything in it| with all its files|)[post]", "[pre](delete|remove|erase) the {dir} (folder|directory)( and everything in it| with all its contents|)[post]", "rm -r {dir}"],
    "move": ["[pre](rename|move|mv) (|the file ){path} (to|into|as) {new}[post]", "{path} should be (called|named) {new}(, rename it|. Rename it.)", "(rename|move|mv) {path} -> {new}", "mv {path} {new}"],
    "copy": ["[pre](copy|duplicate|cp|clone) (|the file ){path} (to|as|into) {new}[post]", "[pre](make|create|save|keep) a (copy|duplicate|backup) of {path} (at|as|called|named|in|under) {new}[post]", "cp {path} {new}", "[pre](back up|backup) {path} (to|as) {new}[post]"],
    "mkdir": ["[pre](make|create|add|set up) (a |a new |the |an empty |)(directory|folder|dir) (called |named |at |){dir}[post]", "mkdir {dir}", "(I need|we need) a (new |)(folder|directory) (called |named |){dir}", "(new folder|new directory)(:|) {dir}"],
    # ------------------------------------------------------------ commands
    "run": ["[pre](run|execute|start|launch|call|invoke|try|do|perform) (|the command |this command: |command |this: ){cmd}( and tell me the result| and report the result| and tell me what happens| and show me the output| and show the result|)[post]", "(what happens when you run|what does|what is the output of|what do you get from|show me the output of|what's the result of|result of) {cmd}( print| say| give| return|)[q]", "$ {cmd}", "{cmd}", "{cmd}", "`{cmd}`", "!{cmd}", "(I want|I'd like|I need) (to see |)the output of {cmd}[post]", "(use|type) {cmd} and (show|give|tell) me what (it says|comes out|you get)", "(in the shell|in the terminal|on the command line)(,|:) {cmd}"],
    "run_python": ["[pre](run|execute|start|launch|try) (the script |the program |the python script |){path}[post]", "what (happens when you run|does|is the output of) {path}( print| output| do when you run it|)[q]", "(start|run) {path} (with python|in python)[post]"],
    "tests": ["[pre](run|execute|start|launch) (the |all |all the |our |)(tests|unit tests|test suite|testsuite|tests again)[post]", "(do|are) (the|all|our) tests (pass|passing|green|ok)[q]", "(do all tests still pass|is the test suite green|how are the tests doing|do the tests work|are we green)[q]", "test (it|everything|the project|this)[post]", "(check|see|verify) (whether|if|that) (the |all |)tests pass[post]"],
    "git_status": ["(what is|what's|show me|show|give me|check) the git status[q]", "(what|which files) (has|have|did I|did we|are) (changed|change|modified|uncommitted)( in git| since the last commit|)[q]", "(are there|do we have|any) (any |)uncommitted changes[q]", "is (the|my) (working tree|repo|repository) clean[q]", "git status"],
    "git_log": ["(what were|what are|show me|show|list|give me) the (last|latest|most recent|recent) (few |)commits[q]", "(git history|commit history|recent commits|the git log)[q]", "(what did we|what was) (commit|committed|done) (last|recently|lately)[q]", "git log"],
    "git_branch": ["(which|what) (git |)branch (are we on|am I on|is this|is checked out|are we working on)[q]", "(what is|what's|tell me|show me) the (current |git |)branch[q]", "on which branch (am I|are we)[q]"],
    "disk": ["how much (disk |free |)space (is left|is free|do we have|is there|remains)[q]", "(is the disk|how) full( is the disk|)[q]", "(show|check|what is|tell me) (the |)(disk usage|free space|disk space)[q]"],
    "size": ["how (big|large) is {path}[q]", "(what is|what's|tell me|show me) the (size|file size) of {path}[q]", "how many bytes (does|has|are in) {path}( have|)[q]", "size of {path}[q]"],
    "lines": ["[qpre]how many lines (are in|does|are there in|has|of text are in) {path}( have| got|)[q]", "[pre]count the lines (in|of) {path}[post]", "(what is|give me|tell me) the (line count|number of lines) (of|in) {path}[post]", "how long is {path}[q]", "line count of {path}[q]", "wc -l {path}", "(number of|how many) lines in {path}[q]"],
    "words": ["how many words (are in|does|are there in|has) {path}( have|)[q]", "[pre]count the words (in|of) {path}[post]", "(what is|give me) the word count of {path}[q]", "wc -w {path}"],
    "whereami": ["(which|what) (directory|folder) (am I|are we|is this) (in|working in|)[q]", "pwd", "(where am I|where are we)[q]", "(what is|what's|show) the (current|working) (directory|folder|path)[q]"],
    "background": ["[pre](start|run|launch) {cmd} in the background[post]", "(keep|leave) {cmd} running in the background", "[pre](start|launch) {cmd} (and don't wait|without waiting|as a background process|as a server)[post]"],
    "poll": ["(is it|is that|is {id}) still (running|going|alive)[q]", "(check|look at|poll|what does) (on |)(it|{id}|the background process|the server)( say| print|)( now|)[q]", "(how is|what about) (it|{id}|the background (job|process|command)) (doing|)[q]"],
    "stop": ["(stop|kill|end|terminate|shut down) (it|{id}|the background process|the server|that process)( now|)[post]"],
    # ------------------------------------------------------------ memory
    "tell": [
        "(by the way, |remember this: |please remember: |for later: |FYI, |just so you know, |keep in mind: |keep in mind that |don't forget: |||||remember that |please remember that |remember |I should mention that |note that |heads up: )(my|the|our|my|the) {thing} is {value}(.||!| ok?|, remember that|, keep that in mind|)", "(remember|memorise|memorize|keep) (my|the|our) {thing}: {value}", "{thing}: {value}. (remember it|keep that in mind|I will ask for it later|remember that)(.|)", "keep this for later: {thing} = {value}",
        "(I'm telling you|let me tell you|you should know)( that|:) (my|the|our) {thing} is {value}", "(my|the|our) {thing} (will be|has been|should be|now is|=|is now) {value}", "here is (my|the|our) {thing}: {value}", "(new|updated) {thing}: {value}", "{value} is (my|the|our) {thing}( from now on|, remember|)", "for the record, (my|the|our) {thing} is {value}", "(my|the|our) {thing}(, by the way,|) is {value}",
    ],
    "ask": [
        "[qpre](what is|what's|what was) (my|the|our) {thing}( again|)[q]", "[qpre]what did I (say|tell you) (my|the|our) {thing} (is|was)[q]", "(remind me of|remind me:|tell me|give me|repeat) (my|the|our) {thing}( again|)[post]", "(do you remember|do you still know|can you recall|you still have|do you know) (my|the|our) {thing}[q]", "(my|the) {thing} was what( again|)[q]", "I forgot (my|the|our) {thing}(, what is it?|, what was it?|. Help me out.)",
        "(what|which) {thing} did I (give|tell|mention to|note for) you( earlier| before|)[q]", "(give|read|tell) me back (my|the) {thing}", "(I need|I want|send me|print|show) (my|the|our) {thing}( now| again|)", "(my|the|our) {thing}, please", "so (my|the) {thing} is(?|...)", "(earlier|before) I (told you|gave you) (my|the|our) {thing}(. |; |, )(what was it|which was it|repeat it)[q]", "(can|could) you (repeat|recall|say|look up) (my|the|our) {thing}[q]", "what do you have as (my|the|our) {thing}[q]", "(which|what) was (my|the|our) {thing}, (again|once more)[q]",
        "{thing}[q]", "(I mentioned|I told you|you know) (a|my|the) {thing}( some time ago| before| earlier|)(, which was it|, what was it|; what is it|)[q]",
    ],
    "note": ["[pre](make a note|take a note|write a note|note down|write down|jot down|note)(:| that| saying|) {fact}", "[pre](save|store|keep|record) (for later sessions|for next time|for the future|in your notes|in your memory|permanently|for future sessions)(:| that|) {fact}", "(next time|in later sessions|in future sessions) (you should know|remember|keep in mind)(:| that|) {fact}", "(put|add) (to your notes|in your notes|to your memory|to memory)(:| that|) {fact}", "(remember|keep) for (next time|later sessions|future sessions|good)(:| that|) {fact}"],
    "recall": [
        "[qpre]what was (the |)({key}|value of {key}) in {path}( again| once more|)[q]", "(remind me|remind me again|recall|from memory|without reading it again|without opening it again|no need to reread): (what was|what is|) (the |){key} in {path}[q]", "(earlier|before|a while ago|some time ago|previously) you (read|opened|looked at|saw) {path}(.|;|,) (what was|what did it say for|what is) (the |){key}( there| in it|)[q]",
        "(which|what) {key} did (you see|you find|we see|we find|it have) in {path}( earlier| before|)[q]", "(remind me of|repeat|say again|tell me again) (the |){key} (from|in) {path}[post]", "do you (still remember|remember|recall|still know) (the |){key} (from|in|of) {path}[q]", "we saw {path} (earlier|before). (its|the) {key} was what[q]", "the {key} (in|from) {path} (again|once more)[q]",
        "(in|from) {path} (earlier|before), (what was|which was) (the |){key}[q]", "(you|we) (already|just) (opened|read|looked at|checked) {path}(; |, |. )(what was |what is |)(the |){key}[q]", "(I|we) (need|want) (the |){key} from {path} again", "(can you|could you) (repeat|recall|remind me of) (the |){key} (of|in|from) {path}[q]", "as (seen|read|shown) (earlier|before), {key} in {path} (is|was)(?|...|)", "what did {path} (say|have|list) for {key} (again|earlier|back then|when you read it)[q]",
        "(don't|do not|no need to) (open|read) {path} again, just (tell|give) me (the |){key}", "going by what you read before, (what is |){key} in {path}[q]", "(once more|again)(:|,) {key} in {path}[q]", "(my memory fails me|I lost it|I missed it)(:|,|;) (what was |)(the |){key} (in|of) {path}[q]", "the file {path} you (read|showed|opened)(:|,) (what was|which was) {key}[q]", "I forgot (the |){key} (in|from|of) {path}(, what was it|)[q]",
    ],
    "last_done": ["what did you (just |)(do|change|edit)( last|)[q]", "(which|what) file did you (just |last |)(change|edit|write|touch)[q]", "what was (the last|your last) (change|edit|thing you did)[q]", "(what happened|what have you done)( just now|)[q]"],
    "undo": ["(undo|revert|take back|roll back) (that|it|this|the last change|your last change|the change)[post]", "(no, |wait, |oops, |)(undo|revert) (it|that)", "(change|put|set) it back( again|)[post]", "(that was wrong|I changed my mind)(, undo it|, put it back|. Undo that.|, change it back)"],
    # ------------------------------------------------------------ nothing to do with files
    "vague": [
        "(fix|improve|clean up|optimise|optimize|refactor|sort out|tidy up|polish|modernise|simplify|beautify) (it|this|that|everything|the code|the project|things|the mess|all this|stuff)[post]", "(make|get) (it|this|everything|the project|the code|things) (better|nicer|faster|work|right|working|good|clean|ready)[post]", "(do|handle|finish|continue) (it|this|that|the thing|something|the rest|the job|the usual)[post]", "(it|this|everything|that) (doesn't work|does not work|is broken|fails|is wrong|looks wrong|crashes)[post]", "(get rid of|delete|remove|clean up|throw away|clear out|wipe|erase) (the old stuff|the junk|what we don't need|everything old|the rubbish|old things|the clutter|unneeded files|the unnecessary files|temporary stuff|some files|all of it|everything|everything unneeded|whatever is old|stuff)[post]",
        "(change|update|edit|set|modify|adjust) (the |some |)(settings|config|configuration|values|options|file|something|stuff|things|it)[post]", "(rename|move|copy|delete|remove) (it|that|this|the file|something|one of them|some of them)[post]", "(write|create|make|add) (something|a file|a document|some text|some code|stuff|a script|it)[post]", "(you know what to do|do your thing|go on|surprise me|help me with this|help|I need help|can you help me with my project|can you help)[q]", "(what now|and now|so|hmm|well|eh)[q]", "{w}", "(the |){w} (thing|stuff|part|one)[q]", "(change|update|set|raise|lower) (the |){w}[post]", "open (it|the file|a file|that one)[post]", "(show|read) (me |)(the file|that|it|the other one|a file)[post]", "run (it|the thing|the command|something)[post]", "(search|look|grep)[post]", "(more|less|another one|next one|the other one)[q]",
    ],
    "unknown_path": ["{v} {path}[post]", "[pre]{v} {path}[post]", "{v} {path} {w}", "(can you|could you|please) {v} (the file |){path}[q]", "{path} {v}", "I want {path} {v}ed", "{v} {path} (with|by|for|to) {w}", "(let's|let us) {v} {path}", "{v} the {w} of {path}"],
    "unknown_key": ["{v} (the |){key} (in|of) {path}[post]", "[pre]{v} {key} (in|of|from) {path}[post]", "(can you|could you|please) {v} {key} in {path}[q]"],
    "negated": ["(don't|do not|please don't|never) (delete|remove|touch|change|edit|overwrite|rename|move) {path}( yet| for now| please| ever|)", "(leave|keep) {path} (alone|as it is|unchanged|where it is|untouched)", "{path} (must not|should not|mustn't) be (deleted|changed|touched|edited|removed)", "(I changed my mind, |wait, |no, |stop, )(don't|do not) (delete|remove|change|touch) {path}"],
    "should_i": ["(should I|should we|can I|can we|may I|is it safe to|is it ok to|would it be ok to|do you think I can) (delete|remove|drop|overwrite|rename|move) {path}[q]", "(what happens if I|what if I|what would happen if we) (delete|remove|drop|overwrite) {path}[q]", "(do we|do I) (still |really |)need {path}[q]", "is {path} (safe to delete|still needed|still used|important|in use)[q]"],
    "cancel": ["(stop|cancel|abort|never mind|nevermind|forget it|forget that|no|nope|not now|wait|hold on|leave it|let it be|don't|nothing)(.|!|, thanks|)"],
}  # fmt: skip

SMALL: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("(hi|hello|hey|hey there|good morning|good evening|good afternoon|hello there|hi triagent|yo|hiya|greetings|moin|hi there)(!|.|)", ("Hello! What shall I look at in this folder?",)),
    ("(thanks|thank you|thx|great, thanks|perfect|nice|cool|awesome|well done|good job|many thanks|great|excellent|wonderful|cheers|ty|thanks a lot|very good|super|that's great|good)(!|.|)", ("You're welcome.",)),
    ("(what can you do|what are you able to do|how can you help me|what are your abilities|what tools do you have|what do you do|what are you good for|how do you work|what is possible here|what commands do you know|what are your skills|how do I use you)(?|)",
     ("I can list, find, read, search, write and edit the files in this folder, and run commands. Ask me about a file or tell me what to change.",)),
    ("(who are you|what are you|what is your name|what's your name|introduce yourself|are you a bot|are you human|are you an AI|what model are you|which model is this)(?|)", ("I am triagent, running on a very small model. I work on the files in this folder.",)),
    ("(how are you|how is it going|how are things|you ok|all good|how do you do|how's it going|are you there|you there)(?|)", ("All good. What shall I do?",)),
    ("(ok|okay|fine|alright|got it|I see|understood|sure|yes|yep|right|aha|mhm|k|correct|true)(.|!|)", ("Okay. Tell me what to do next.",)),
    ("(bye|goodbye|see you|that's all|that is all|I'm done|we are done|see you later|good night|cya|that was all|enough for today)(.|!|)", ("Goodbye.",)),
    ("(you are wrong|that is wrong|that's wrong|wrong|incorrect|not right|that is not right|that's not what I asked|not what I meant|no, that's wrong)(.|!|)", ("Sorry. Tell me which file and what you need, and I will look again.",)),
)  # fmt: skip

CANT: tuple[str, ...] = (
    "(what is|what's|tell me) the weather (in {city}|today|tomorrow|like|like in {city})", "book (me |)a (flight|hotel|table|taxi|train) (to|in|at) {city}", "(send|write) an email to {p}", "(play|put on) some (music|jazz|{w})", "who (won|is|was|invented|wrote|discovered|painted) (the |){w}( cup| race| war| prize|)", "what is the (capital|population|currency|flag|president|language) of {city}", "(call|phone|text|message) {p}",
    "(translate|say) {w} (into|in|to) (French|German|Latin|Spanish|Italian)", "(tell me a joke|sing a song|write me a poem about {w}|tell me a story|write a story about {w}|write an essay about {w}|tell me something funny|tell me something interesting)", "(order|buy|sell) (me |)(a |some |){w}", "(what is|how much is) the price of {w}( shares| stock|)", "set an alarm for {n}", "(draw|paint|sketch) (me |)a {w}", "(what do you think about|what is your opinion on|what do you feel about) {w}", "(explain|what is the meaning of|what is the history of|what is|define|what does the word mean:) (a |an |the |){concept}",
    "(explain|tell me about|describe|what is|how does|how do) (a |an |the |)({concept})( work| works|)( in simple words| to me|)", "(how do I|how to|how can I) (cook|bake|repair|grow|build|learn|clean|draw) (a |an |){w}", "(open|browse|go to|visit|look at) (the website|the web page|the site) {w}.com", "(search|google|look up) (the web|the internet|online|google) for {w}", "(solve|calculate|compute|what is|what's) {n} (times|plus|minus|divided by|x|+|*|-) {n2}", "remind me (tomorrow|in an hour|next week|at noon) to {w}", "(who is the president of|how old is|where is|how far is|how big is|when was|who founded) {city}", "(what time is it in|what day is it in) {city}",
    "who is {p}'s (wife|husband|father|boss|friend)", "(recommend|suggest) (me |)(a |some |)(book|movie|restaurant|song|name for my dog|recipe)", "(is|are) {w} (good|bad|healthy|dangerous|better than {w2})", "(why is the sky blue|what is the meaning of life|what is love|how many planets are there|who was Napoleon|what is 2+2|do you love me|are you happy|what is your favourite colour|do you dream|what's the news|when did the second world war end)", "(convert|change) {n} (miles|pounds|dollars|euros|degrees) (to|into) (kilometres|kilos|euros|yen|celsius)", "what (causes|caused) (the |){w}", "(train|build|teach) me a (model|neural network) for {w}", "(write|implement|code) (me |)(a |an |)(web server|compiler|game|chess engine|sorting algorithm|website|operating system|neural network|{w} app)( in Python| in Rust| from scratch|)",
)  # fmt: skip
CONCEPTS = (
    "key-value cache;transformer;neural network;black hole;photosynthesis;inflation;quantum computer;blockchain;recursion;hash table;binary tree;REST API;docker;kubernetes;git rebase;monad;closure;garbage collector;mutex;race condition;TCP;DNS;HTTP;TLS handshake;gradient descent;attention;backpropagation;relativity;gravity;evolution;DNA;democracy;capitalism;stock market;mortgage;tax return;opera;jazz;haiku;chess opening;solar eclipse;volcano;earthquake;vaccine;antibiotic;vitamin C;internet;compiler;linked list;big O notation;SQL join;index in a database;unit test;design pattern;singleton;microservice;load balancer;CPU cache;virtual memory;process and a thread;pointer;regular expression;unicode;floating point;encryption;public key;cookie;OAuth;machine learning;overfitting;eviction policy;KV cache;tokenizer;large language model;Roman Empire;French Revolution;World War I;Shakespeare;Mozart;Einstein;Mount Everest;Pacific Ocean;moon landing;dinosaurs;bitcoin"
).split(";")  # fmt: skip

THINGS = (
    "badge number;locker code;desk number;room number;favourite colour;project name;deadline;server name;wifi password;customer number;phone extension;order number;ticket number;flight number;build number;access code;team name;cat's name;dog's name;home town;car plate;office;manager's name;release name;backup host;staging host;test account;invoice number;parcel code;case number;licence key;meeting room;parking spot;door code;account id;nickname;birthday month;bike lock code;printer name;mailbox number;deploy key;release date;lucky number;favourite editor;API token;username;password hint;contact person;budget;launch code;conference room;standup time;code word;mentor;preferred language;gate code;tracking number;seat;sister's name;shoe size;favourite food;production server;database name;release branch;sprint name;reviewer;time zone;keyboard layout;coffee order;emergency contact;employee id"
).split(";")  # fmt: skip

SALAD: dict[str, list[str]] = {
    "value": ["{key} {path}", "{path} {key}", "(what|value|tell|read|show|which) {key} {path}", "{path} (says|what|value|has) {key}"],
    "value_nested": ["{section} {key} {path}", "{path} {section} {key}", "{key} (of|under|in) {section} {path}"],
    "edit": ["{key} {path} (to|be|as|=|with|value|becomes|equal_to|into) {new}", "{path} {key} (to|be|as|=|at|value|becomes) {new}", "{key} (to|=|becomes|set_to|should_be|must_be) {new} {path}", "(set|change|update|edit|make|put) {key} {new} {path}", "(set|change|update|make) {path} {key} {new}"],
    "list": ["{dir} (list|listing|files|contents|entries|folder|directory|documents|what_is_there)", "(list|files|contents|folder|everything_in|show_files|names) {dir}"],
    "recall": ["{key} {path} (earlier|again|before|remember|recall|once_more|already|you_read|we_saw|previously|was)", "(earlier|again|before|remember|recall|you_read|remind_me) {path} {key}", "(was|remember|again) {key} {path}"],
    "ask": ["(my|the|our) {thing} (again|remember|earlier|told|)", "(remember|recall|remind|what|which) {thing}"],
    "cell": ["{row} {col} {path}", "{path} {row} {col}", "{col} (of|for) {row} {path}"],
    "where": ["(where|which_file|find|search|grep|locate) {pat}", "{pat} (where|which_file|find_it|search)"],
    "show": ["(show|read|open|print|display) {path}", "{path} (show|read|open|print|contents)"],
    "count": ["(count|how_many|number_of) {pat} {path}", "(how_many|count) {path} {pat}"],
    "unknown_path": ["{v} {path}", "{path} {v} {w}"],
}
