"""Verbs and turns of phrase for what is done with files, so that no one verb carries a request.

Crossed from what people say before, the act itself, and what they say behind. Where a phrase could
be taken for deleting without a word that says so, it is not here. Syntax: see `wording`.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece

_WISH = "(|||please |pls |kindly |could you |can you |would you |will you |I'd like you to |I want you to |you may |you should |let's |now |go and |be so kind and |do |just |next, |then |I ask you to |time to |we have to |we need to |it would help to |it would be nice to )"
_END = "(|||||, please| please| for me| now|, thanks| thx|, would you| if you can| when you get to it|.|!)"
_SEE = "(see|read|view|look at|look through|look into|go over|inspect|study|check out|examine|go through|take in)"
_SHOW = "(pull up|bring up|put up|print out|type out|read out|spit out|write out|dump|output|echo|list out|page through|hand me|pass me|fetch|get me|give me|present|render|reveal|lay open|unroll|flash|paste|quote|spell out)"
_RID = "(dispose of|do away with|eliminate|purge|destroy|unlink|del|nuke|ditch|rid us of|rid me of|expunge|obliterate|remove for good|delete for good|rm -f|take out and delete|chuck out|toss out|toss|clear away)"
_MOVE = "(relocate|shift|transfer|carry|bring|send|push|take|drag|rehome|mv|migrate|haul|ship)"
_NAME = "(rename|retitle|rebrand|re-name|rechristen|change the name of|change the filename of|alter the name of|give another name to|swap the name of)"
_COUNT = "(count|tally|number|add up|total|tell|determine|find|work out|figure out|get|measure|report|compute)"
_RUN = "(run|start|launch|execute|do|fire|kick off|trigger|go through|put through|perform|carry out)"
_TESTS = "(tests|test suite|unit tests|suite|test cases|automated tests|whole test suite|checks in tests)"
_PUT = "(tack|stick|hang|glue|attach|slap|place|set|drop|squeeze|type|slot|pop)"
_HUNT = "(hunt down|hunt for|track|trace|spot|dig up|dig out|scout out|sniff out|seek|fish for|grep|comb the files for|chase|pinpoint|turn up)"

ACTS: dict[str, list[str]] = {
    "show": [
        f"{_WISH}{_SHOW} (the file |the contents of |all of |the text of |everything in ||){{path}}{_END}", f"{_WISH}let me {_SEE} {{path}}{_END}", f"(I|we) (would like to|want to|need to|have to|must|should|am going to) {_SEE} (the file |){{path}}{_END}", "(a|one) (look|glance|peek|quick look) (at|into|inside) {path}(, please|)[q]", "(may|might|can|could) (I|we) (have|get|take) (a look|a peek|a glance) (at|into) {path}[q]",
        "(I'm|I am|we are) (curious|interested|keen to know)(:|,|;|about) what {path} (has to say|looks like|contains|is made of)", "(open|unfold) {path}( up|) (for me|on the screen|right here|so I can read it)[post]", "what (do we have|have we got|did we write|did they put|is there to read) in(side|) {path}[q]", "{path} (on screen|to the screen|in front of me|in plain view)(, please|)[post]", f"{_WISH}(what is|what's) the (text|wording|content) of {{path}}[q]",
    ],
    "delete": [
        f"{_WISH}{_RID} (the file |){{path}}{_END}", f"(I|we) (would like to|want to|need to|should|must) {_RID} {{path}}{_END}", "{path} has (served its purpose|had its day|no use any more|become useless)(:|,|;|.) (delete|remove|erase) it[post]", "(there is|there's) no (reason|need|use) (to keep|for keeping|in keeping) {path}(:|,|;|.) (delete|remove|erase) it[post]",
        "{path}(:|,| -) (delete|remove|to be deleted|please delete|deletion please)", "(the deletion|the removal) of {path} is (due|overdue|what I want|needed)", "(make|do) the (deletion|removal) of {path}[post]", "(I|we) (decided|agreed) to (delete|remove) {path}(, do it|. Do it.|; please go ahead)",
    ],
    "move": [
        f"{_WISH}{_MOVE} (the file |){{path}} (to|over to|across to) {{new}}{_END}", f"{_WISH}{_NAME} {{path}} (to|into|as) {{new}}{_END}", "{path} (belongs|should live|should be kept|ought to live|is to be found) (in|at|under) {new}(, move it|; please move it|. Move it.|)", "{new} (is|would be|seems) (a|the) (better|right|proper) (name|place|path) for {path}(, move it|. Rename it.|; change that|)",
        "(from now on|from today|henceforth) {path} (is called|is named|goes by|is) {new}(, rename it|)", "(turn|make) the name {path} into {new}[post]", "(the name|the file name|the path) of {path} (should|must|has to|ought to) (be|become|read) {new}", "(have|let) {path} (live|sit|end up) (at|under|as) {new}[post]", "{path} (=>|-->|->|becomes|to become) {new}(, please rename|. Rename.|, move it|; mv)",
        f"(I|we) (would like to|want to|need to|should) {_NAME} {{path}} (to|into) {{new}}", "(change|adjust) (where|the place) {path} (is kept|lies)(:|,| to) {new}",
    ],
    "copy": [
        "(I|we) (want|need|would like|could use) (a|one|another) (copy|duplicate|second copy|twin|backup) of {path} (as|at|in|named|called) {new}[post]", "{path} (should|must) (also exist|exist twice, also) (as|at|in) {new}", f"{_WISH}(copy|duplicate|replicate|clone|back up|mirror) {{path}} (to|as|into|over to) {{new}}{_END}", "(keep|save|store) (a copy|a duplicate) of {path} (as|in|at|under) {new}[post]",
    ],
    "mkdir": [
        f"{_WISH}(create|make|add|open|start|set up|put in|establish|prepare|lay out) (a|an empty|a new|another|one more|the) (folder|directory|dir) (called |named |with the name |){{dir}}{_END}", "{dir} (should|must|has to) (exist|be there|be created) as (a|an empty|a new) (folder|directory)", "(a|one more|an extra) (folder|directory)(:|,| called| by the name of) {dir}[post]", "(there is|there's) no (folder|directory) {dir} yet(, make it|. Make one.|; create it|: add one)",
    ],
    "lines": [
        f"{_WISH}{_COUNT} (how many lines|the lines|the number of lines|the line count|the total of lines) (of |in |there are in |for |make up ){{path}}{_END}", "how many (lines|rows of text|lines of text) (make up|fill|are stored in|stand in|did we write in|can I expect in|would I scroll through in) {path}[q]", "(the|its|a) (length|line total|extent|number of rows) of {path}( in lines|, in lines|, counted in lines)[q]", "{path}(:|,| -) (how many lines|number of lines|lines|line count)[q]", "(is|was) {path} (long|short|huge|big)(?|,) (in lines|count its lines|tell me its lines|how many lines)[q]",
    ],
    "words": [f"{_WISH}{_COUNT} (how many words|the words|the number of words|the word count) (are in|of|in|for) {{path}}{_END}", "how many words (make up|fill|stand in|did we write in|would one read in) {path}[q]", "{path}(:|,| -) (how many words|number of words|word count)[q]"],
    "size": [f"{_WISH}{_COUNT} (how many bytes|the bytes|the size|the file size) (of|in|for) {{path}}{_END}", "how (heavy|large|bulky|big) is {path}( in bytes|, in bytes|)[q]", "how much (space|room|disk) (does|will) {path} (take|need|use|occupy)[q]", "{path}(:|,| -) (how many bytes|size|file size|bytes)[q]"],
    "tests": [
        f"{_WISH}{_RUN} (the|our|all|all the|all our) {_TESTS}{_END}", f"(how|in what shape) (are|do) (the|our) {_TESTS} (doing|look|fare)( today| now| at the moment|)[q]", f"(do|does|will|would) (the|our|all) {_TESTS} (hold|hold up|still hold|go through|succeed|stay green|come out clean|all pass)[q]", f"(see|check|verify|make sure|find out|tell me) (if|whether|that) (the|our|all) {_TESTS} (hold up|go through|work|are fine|are happy|stay green|pass)[post]",
        "(is|are) (everything|all|we|things) (green|passing)( in the tests| testwise|)[q]", f"(did|have) (I|we|my changes|the last change) (break|broken|break any of) (the|our) {_TESTS}[q]", "(put|subject) (the code|the project|our code) (to the test|through its tests)[post]", f"(a|one|another) (run|round|pass) (of|through) (the|our) {_TESTS}[post]", f"(how many|which) (of the|) {_TESTS} (fail|pass|are failing|break)( now| at the moment|)[q]",
    ],
    "add_line": [
        f"{_WISH}{_PUT} (the line |the text |) {{line}} (onto|to|at|on) the (end|bottom|tail|foot) of {{path}}{_END}", f"{_WISH}(extend|complete|lengthen|supplement|finish off|round off) {{path}} (with|by) (the line |) {{line}}{_END}", "{path} (should|must|has to) (end|close|finish) (with|on|in) {line}", "(one|another|just one) (more |extra |)line (for|in|to) {path}(:|,) {line}", "(at|to) the (bottom|end|foot) of {path}(:|,| goes| comes| belongs) {line}",
    ],
    "where": [f"{_WISH}{_HUNT} {{pat}}( in the files| in here| in our files| in this project|){_END}", "(in|under|behind) (which|what) (file|files|place|lines) (do|did) we (have|hide|put|keep|write) {pat}[q]", "(does|do) (any|some) (file|files|line|place)( here|) (have|hold|mention|carry|show) {pat}[q]", "{pat}(:|,| -) (which file|where|in which files|find it|where is it)[q]"],
    "run_python": [f"{_WISH}(run|start|launch|execute|fire up|kick off|trigger) (the script |the program |the file |){{path}}( with python| and show what it prints| and tell me the output|){_END}", "(what|which output) (do I|does one|would I) (get|see) (from running|when running|by running|out of running) {path}[q]", "{path}(:|,| -) (run it|execute it|run this|let it run)[post]", "(does|will) {path} (run|work|start)(, try it|. Try it.|; run it|? run it)"],
}
