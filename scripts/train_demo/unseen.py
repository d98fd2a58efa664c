"""Wordings for the test of unseen wordings: never trained on, not composed from `phrases`.

They were written once, before any failure on them was looked at, and are not to be changed
after failures: a gap is closed by widening `phrases`, never by copying from here. `kind` is the
generator's; slots are those that its task fills.
"""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece

UNSEEN: dict[str, tuple[str, ...]] = {
    "value": (
        "Would be great to hear which {key} we've got written down in {path}.", "{path} ought to hold {key}. Its value, please.",
        "I'm staring at {path} and can't spot {key}. What's it say?", "For the record: {key}, as stored in {path}?",
        "Somebody claims {path} has a wrong {key}. What's in there right now?", "Take {path}, look for {key}, and report back.",
        "From {path} I only care about {key}.", "Which value sits behind {key} in {path}?",
        "At what is {key} currently pegged in {path}?", "Just the {key} out of {path}, nothing else.",
        "What would I see next to {key} if I opened {path}?", "{key}? Should be somewhere in {path}.",
    ),
    "value_nested": (
        "In {path} there's a {section} part; what does it put for {key}?", "{section} in {path}: its {key}, please.",
        "What {key} did we assign to {section}? The file is {path}.", "Look under {section} of {path} for {key}.",
        "I want {section}'s {key} as written in {path}.", "For {section}, {path} should name a {key}. Which one?",
        "Which {key} applies to {section} going by {path}?", "{path} groups things; from the group {section} I need {key}.",
        "Quote the {key} entry that belongs to {section} in {path}.", "Under {section}, what stands at {key} ({path})?",
    ),
    "value_nopath": (
        "Somewhere in this repository {key} gets a value. Which?", "No idea where it lives, but what is {key}?",
        "Hunt down {key} and tell me what it holds.", "What have we got for {key}?",
        "Trace {key} for me: what is it?", "I'm after {key}; which value has it?",
        "Find wherever {key} is declared, I need its value.", "{key} is declared in one of these files. With which value?",
        "Got {key} at hand? What is it?", "Which value hides behind {key}?",
    ),
    "list_root": (
        "What's lying around in this place?", "Which stuff belongs to this project?", "Could I get a directory listing?",
        "First of all: what's in the folder we are in?", "I'd like to see what we have to work with.", "Name whatever sits at the root.",
        "What would `ls` print?", "Read off the names in the working directory.", "Orient me: what is there?",
        "Let's start with a list of what exists.", "Whatever is in this directory, list it.",
    ),
    "list": (
        "Which names would I find below {dir}?", "{dir}: what is kept there?", "I need to know what ended up in {dir}.",
        "Go through {dir} and name its entries.", "Anything in {dir}? Name it.", "Could you enumerate what {dir} holds?",
        "What did people put into {dir}?", "Directory {dir}, contents please.", "Let me know everything that {dir} comprises.",
        "Read off the entries of {dir}.", "What's sitting in {dir} at the moment?",
    ),
    "where": (
        "Somewhere {pat} is written. In which file?", "Point me to the file with {pat}.", "Any file where {pat} shows up?",
        "I remember {pat} from one of these files; which?", "Where did we write {pat}?", "In what file would I stumble over {pat}?",
        "Locate the spot where {pat} occurs.", "Scan all the files for {pat}, where is it?", "{pat} appears in which of our files?",

    ),
    "find_name": (
        "I can't find {name}, can you?", "Under which path is {name} kept?", "{name} must be somewhere. Where?",
        "Which folder holds {name}?", "Locate {name} for me.", "What's the full path of {name}?",
        "I lost {name}; in which directory is it?", "Where did {name} end up?", "Look through the folders for {name}.",
        "Path to {name}?",
    ),
    "show": (
        "I want to read {path} in full.", "Paste {path} here.", "Bring {path} onto the screen.", "Let's have the text of {path}.",
        "What is written in {path}, word for word?", "Could you put {path} in front of me?",
        "Type out {path}.", "The whole of {path}, as it is.",
    ),
    "cell": (
        "In {path}, go to {row} and read the {col}.", "{path} lists {row}; with which {col}?", "Look {row} up in {path}: the {col}?",
        "Going by {path}, {row} has which {col}?", "The {col} entry for {row}, source {path}.", "What stands in the {col} column for {row} ({path})?",
        "I'd like the {col} that {path} notes for {row}.", "Check row {row} of {path} and give the {col}.",
        "Table {path}, row {row}, column {col}.", "How does {path} fill {col} for {row}?",
    ),
    "count": (
        "How often do we see {pat} in {path}?", "In how many lines of {path} does {pat} turn up?",
        "Number of lines having {pat}, file {path}?", "{path}: tally {pat}.", "I need the number of {pat} lines of {path}.",
        "Count for me where {pat} stands in {path}.", "What is the count of {pat} in {path}?", "How frequent is {pat} in {path}?",
        "Add up the lines of {path} that carry {pat}.",
    ),
    "last_error": (
        "Scroll to the newest error in {path} and read it out.", "Final complaint at level error in {path}?",
        "Which error closes {path}?", "The error that {path} logged last, please.", "I need the most recent failure from {path}.",
        "What's the freshest error entry of {path}?", "Looking at {path} from the end, which error comes first?", "{path}: newest error?",
        "Tell me about the latest thing at ERROR in {path}.",
    ),
    "function": (
        "In {path} there is {name}; what's it good for?", "Sum up {name} from {path}.", "I don't get {name} in {path}. What does it do?",
        "{name} ({path}): purpose?", "Read {name} in {path} and tell me its job.",
        "What is the job of {name} in {path}?", "Explain to me {name}, found in {path}.", "What's the point of {name} in {path}?",
        "Describe what {name} from {path} is there for.",
    ),
    "edit": (
        "{key} in {path} ought to read {new} from now on.", "Go to {path} and let {key} equal {new}.", "In {path}, {key} is off; {new} is right. Fix that.",
        "Give {key} the value {new} in {path}.", "Please see to it that {key} is {new} in {path}.",
        "From today {key} ({path}) shall be {new}. Enter that.",
        "Old {key} in {path} is obsolete, enter {new}.", "The new {key} for {path} is {new}, update accordingly.",
    ),
    "edit_nopath": (
        "{key} must become {new}, wherever it is defined.", "Let {key} equal {new} from now on.",
        "We decided on {new} for {key}. Enter it.", "Wherever {key} stands, write {new}.", "{key} should hold {new}, please take care of that.",
        "I want {new} as our {key}.", "Give {key} the value {new}.",
    ),
    "replace": (
        "Wherever {path} says {old}, let it say {new}.", "In {path}, {old} has to become {new}.", "Exchange the text {old} in {path} for {new}.",
        "{path} still says {old}; that should read {new}.", "Rewrite {old} as {new} inside {path}.",
        "The words {old} in {path} are wrong, {new} is right. Correct it.",
        "{old} becomes {new} in {path}.", "Please put {new} where {path} has {old}.",
    ),
    "add_line": (
        "Tack {line} onto {path}.",
        "At the bottom of {path} I want {line}", "Please attach {line} to {path}.",
        "{path} lacks a line: {line}. Add it.", "Let {path} finish with {line}",
        "Write one further line into {path}: {line}",
    ),
    "delete": (
        "Please have {path} deleted.",
        "I'd like {path} gone.", "Unlink {path}.", "Do away with {path}.",
        "Take {path} off the disk.", "Kill the file {path}.",
    ),
    "move": (
        "{path} should be called {new}.", "Give {path} the new name {new}.", "Let {path} live at {new} instead.", "Change the name of {path}: {new}.",
        "I want {path} renamed; call it {new}.", "Put {path} where {new} would be.", "From {path} to {new}, rename it.",
        "The file {path} gets another name, {new}.", "Relabel {path} as {new}.", "{path} is a bad name, use {new} as its name.",
    ),
    "mkdir": (
        "We need a place named {dir}, a directory.", "Let there be a folder {dir}.", "A directory {dir} is missing, make it.",
        "I'd like to have a folder {dir}.", "Prepare an empty folder {dir}.", "Please provide a directory {dir}.",
        "Open up a new folder, {dir}.", "Have a directory {dir} created.", "mkdir -p {dir} please",
    ),
    "tell": (
        "Store this for me: the {thing} is {value}.", "So that you know it: my {thing} is {value}.", "You'll need my {thing} later, which is {value}.",
        "Let me hand you my {thing}: {value}.", "My {thing} happens to be {value}; I'll ask for it.", "As to my {thing}, that's {value}.",
        "Mark this: my {thing} = {value}.", "Here comes my {thing}, {value}.", "One fact about me: {thing} is {value}.",
        "Hold on to this, my {thing} is {value}.",
    ),
    "ask": (
        "Which {thing} had I mentioned?", "What did you write down as my {thing}?", "My {thing} slipped my mind. Which was it?",
        "You noted my {thing}; how did it go?", "Could I have my {thing} back?",
        "Help my memory: the {thing}?", "What's that {thing} of mine?", "I told you a {thing}. Which?", "Can't think of my {thing}, you?",
    ),
    "follow": (
        "Fine. Its {key}?", "Is there a {key} too? Which?", "{key} next.",
        "Thanks; {key} as well?", "Same place, but {key}.", "Go on with {key}.", "Okay, what does it put for {key}?", "I also need {key}.",
    ),
    "follow_edit": (
        "That is wrong, {new} is what I need there.", "Let's go for {new} here.", "Enter {new} there.", "I'd rather see {new} in that spot.",
        "Make that read {new}.", "It ought to say {new}.", "Good, now have it be {new}.", "Put {new} in its place.",
        "Please let that become {new}.", "{new} is the right one, correct it.",
    ),
    "lines": (
        "{path}: number of lines?", "What's the line count of {path}?", "Count how many lines {path} has.",
        "Lines of {path}, how many?", "How many lines long is {path}?", "Give the number of lines of {path}.", "I need {path}'s line count.",
        "Could you count {path}'s lines?", "Of how many lines does {path} consist?",
    ),
    "tests": (
        "Give the test suite a spin.", "I want to see pytest's verdict.", "Check whether the tests are green.",
        "Time to run pytest.", "Make sure no test is red.", "Let pytest loose on it.",
        "Put the test suite to work.",
    ),
    "git_status": (
        "Anything uncommitted?", "Which files did I modify since the last commit?", "What does git say about the working tree?",
        "Show pending changes according to git.", "Do I have uncommitted work?", "Give me git's status.", "Which changes has git noticed?",
        "Which edits are not in git yet?", "Status of the repository?",
    ),
    "cannot": (
        "Is it going to snow in {city}?", "How do bees find their way home?", "Get me a cab to the airport.", "Who reigned in France in 1750?",
        "Give me a recipe for pancakes.", "Which team leads the league?", "Ring {person} up.", "Why do cats purr?",
        "How tall is the Eiffel tower?", "Put this on Twitter.", "Order two pizzas.", "When was the printing press invented?",
        "Compose a limerick about autumn.", "What does the Bible say about debts?",
    ),
}  # fmt: skip

TASKS: dict[str, str] = {
    "value": "value", "value_nested": "value", "value_nopath": "value_by_search", "list_root": "list_root",
    "list": "list_folder", "where": "where", "find_name": "find_name", "show": "show", "cell": "cell", "count": "count",
    "last_error": "error_line", "function": "function", "edit": "edit", "edit_nopath": "edit_by_search",
    "replace": "replace", "add_line": "add_line", "delete": "delete", "move": "move", "mkdir": "mkdir",
    "tell": "tell", "ask": "ask_told", "follow": "follow", "follow_edit": "follow_edit", "lines": "measure",
    "tests": "by_words", "git_status": "by_words", "cannot": "cannot",
}  # fmt: skip
"""The task that makes request, workspace and check of a kind."""

CONTEXT: dict[str, tuple[str, ...]] = {
    "ask": ("tell",), "follow": ("value",), "follow_edit": ("value",),
}  # fmt: skip
"""Tasks that have to come before, in the generator's own words."""
