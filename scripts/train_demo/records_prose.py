"""Documents in which something happened or holds: logbooks, notes, runbooks, minutes, letters.

An event is a sentence with a thing, a person, a time, an amount or a place in it, and questions
for each of these in other words than the sentence's. Shapes lay events out as people write them.
"""

from __future__ import annotations

# ruff: noqa: E501  a table of strings is easier to read in one piece
from dataclasses import dataclass, field
from random import Random

from .files.base import File, Maker
from .records import DAYS, FIRST, PLACES, date_in, iso_date, person

_HOUSE = "boiler|roof|fence|gutter|front door|dishwasher|heating|chimney|elevator|stove|cellar light|bathroom tap|garden gate|washing machine|letterbox|skylight|water heater|doorbell|staircase|balcony"
_GEAR = "van|projector|printer|pump|generator|trailer|amplifier|ladder|drill|bicycle|canoe|tent|camera|mower|chainsaw|router|microscope|sewing machine|coffee machine|freezer|keyboard|sound desk|scale|kiln"
_WORK = "website|newsletter|backup|budget|contract|insurance|brochure|grant application|annual report|database|calendar|membership form|floor plan|poster|price list|test server|certificate|archive|survey|playground"
_STUFF = "chairs|paint|firewood|seeds|curtains|cables|helmets|blankets|tiles|flyers|apples|bandages|lamps|batteries|ink|plates|gravel|hay|filters|brushes|envelopes|gloves"
_MEET = "meeting|rehearsal|concert|workshop|inspection|summer party|auction|excursion|open day|training|wedding|market|council|fire drill|exhibition|board dinner"

WHEN = ("when did (that|this) happen with the {thing}", "(on|at) what (date|day) was it with the {thing}")

VERBS: tuple[tuple[str, tuple[str, ...], dict[str, tuple[str, ...]]], ...] = (
    # things, sentences, questions by what is asked for
    (f"{_HOUSE}|{_GEAR}", ("{who} fixed the {thing} on {when}", "{who} repaired the {thing} ({cost})", "the {thing} was mended by {who} on {when}, invoice {cost}", "{thing}: repaired {when} by {who}, {cost}", "{thing} broke again because of {why}, {who} fixed it", "Had the {thing} repaired by {who}. Cost {cost}."), {
        "who": ("who (mended|took care of|got|worked on|sorted out|saw to) the {thing}( again| working|)", "who do we have to thank for the {thing}", "which person (did the repair of|handled) the {thing}"), "when": ("when was the {thing} (mended|put right|last seen to|done|sorted out)", "when did we have the {thing} (seen to|put right)", "since when does the {thing} work again"),
        "cost": ("how much (did we pay for|was|did they take for) the {thing}", "what did (mending |)the {thing} cost( us|)", "how expensive was the {thing}", "price of the {thing} repair"), "why": ("why did the {thing} (stop|fail|not work|break down|give up)", "what was wrong with the {thing}", "reason for the trouble with the {thing}")}),
    (f"{_GEAR}|{_STUFF}", ("{who} ordered the {thing} from {firm}, {cost}", "new {thing} bought at {firm} for {cost}", "{thing} ordered from {firm}; they come on {when}", "bought {thing} at {firm} ({cost}, {who} paid)", "The {thing} came from {firm} on {when}."), {
        "who": ("who (bought|got|paid for|purchased) the {thing}", "who (laid out|spent) the money for the {thing}"), "firm": ("where did we (get|buy) the {thing}", "which (shop|firm|company|dealer) (sold us|had|delivers) the {thing}", "where (are|is) the {thing} from"), "cost": ("how much (were|was|did we spend on|did we pay for) the {thing}", "what did (the|our) {thing} cost", "price of the {thing}"), "when": ("when (do|did|will) the {thing} (arrive|get here|turn up)", "delivery date of the {thing}", "when can we expect the {thing}")}),
    (f"{_GEAR}|{_STUFF}", ("{who} has borrowed the {thing} until {when}", "lent the {thing} to {who}, back by {when}", "{thing} - with {who} until {when}", "the {thing} went to {who} for {span}"), {
        "who": ("who has (got |)the {thing}( now| at the moment| right now|)", "where did the {thing} go", "who took the {thing}", "whom did we give the {thing}( to|)"), "when": ("when do we get the {thing} back", "when (is|are|will) the {thing} (returned|come back)", "until when is the {thing} away"), "span": ("(for how long|how long) (is|are) the {thing} (gone|away|lent)",)}),
    (f"{_GEAR}|{_STUFF}|key|spare key|first aid box|fuse box|water valve|petty cash|guest book|tool box|alarm panel", ("the {thing} is in {where}", "{thing}: {where}", "we keep the {thing} in {where} now", "{who} put the {thing} into {where}", "The {thing} moved to {where} ({who}, {when})."), {
        "where": ("where (is|are|did we put|do I find|can I find|do we have|have you got) the {thing}", "(any idea|no idea) where the {thing} (is|are|went)", "in which place (is|are|did we leave) the {thing}", "I'm looking for the {thing}"), "who": ("who (stored|put away|moved|left|carried) the {thing}( there|)",), "when": ("when did the {thing} change place", "since when (is|are) the {thing} there")}),
    (_MEET, ("the {thing} is on {when} at {time} in {where}", "{thing} moved to {when}, {time}", "{thing}: {when}, {time}, {where}, {who} brings the key", "{who} leads the {thing} on {when}", "The {thing} will be held in {where}; it starts at {time}.", "{count} people came to the {thing} on {when}"), {
        "when": ("(when|what day|which day) (is|was|do we have|will we have) the {thing}( taking place| held|)", "date of the {thing}", "on which date (does|did) the {thing} (happen|take place)"), "time": ("(what time|at what time|at what hour|how early) (does|is|do we start) the {thing}( begin| start| kick off|)", "when must I be there for the {thing}"), "where": ("where (is|do we hold|does|will) the {thing}( be| happen| take place|)", "(venue|place|room) for the {thing}"),
        "who": ("who (runs|is in charge of|is responsible for|hosts|opens) the {thing}",), "count": ("how many (came|were|visitors were|showed up|were there|guests had we) (to|at) the {thing}", "how well attended was the {thing}")}),
    (_WORK, ("{who} takes over the {thing} from {when}", "{who} finished the {thing} on {when}", "the {thing} must be ready by {when} ({who})", "{who} is writing the {thing}, deadline {when}", "{thing}: {who}, due {when}", "agreed: {who} does the {thing} until {when}"), {
        "who": ("who (is in charge of|is responsible for|works on|does|looks after|deals with|cares for) the {thing}", "whose (job|task) is the {thing}", "whom do I ask about the {thing}", "who should I talk to about the {thing}"), "when": ("(until|by) when (must|should|do we need) the {thing}( be done| be finished|)", "how much time is left for the {thing}", "when (is|was|will) the {thing} (be |)(done|finished|complete)", "what is the last day for the {thing}")}),
    (_WORK, ("the {thing} failed because of {why}", "problem with the {thing}: {why}; {who} looked into it", "{thing} late again, reason: {why}", "we dropped the old {thing} because of {why}", "The {thing} was stopped on {when} ({why})."), {
        "why": ("why (did|was|is) the {thing} (late|go wrong|not work|stopped|fail|given up|not done)", "what (happened to|was the matter with|went wrong with|was the trouble with) the {thing}", "(cause|reason) of the trouble with the {thing}"), "who": ("who (checked|examined|investigated|looked at) the {thing}",), "when": ("when did we stop the {thing}", "since when is the {thing} down")}),
    (f"{_WORK}|{_HOUSE}", ("we spent {cost} on the {thing}", "the {thing} took {span} and cost {cost}", "budget for the {thing}: {cost}", "{who} paid {cost} for the {thing}", "{thing}: {cost}, {span} of work"), {
        "cost": ("how much (money |)(goes|went|is planned|did we put|is there) (into|for) the {thing}", "(what|how much) did (we pay for |)the {thing}( cost|)", "how expensive is the {thing}", "what do we have for the {thing} in euros"), "span": ("how long (did|was) the {thing} (take|work)", "how much (time|work) was the {thing}"), "who": ("who (gave|laid out) the money for the {thing}", "who settled the bill of the {thing}")}),
    (f"{_HOUSE}|{_GEAR}", ("check the {thing} every {span}", "the {thing} needs new oil every {span}", "{who} inspects the {thing} every {span}", "clean the {thing} once in {span}", "the {thing} takes {amount} of water", "set the {thing} to {degrees}"), {
        "span": ("how often (must|should|do) (we|I|you) (look at|clean|check|service|see to) the {thing}", "what is the interval for the {thing}"), "who": ("who (checks|controls|looks at|services) the {thing}",), "amount": ("how much (water |)(goes into|must I put into|does one fill into|do I fill into) the {thing}",), "degrees": ("(how warm|how hot|what temperature|which temperature) (is|should be|do we want on) the {thing}",)}),
    (_STUFF, ("we have {count} {thing} left", "counted {count} {thing} in {where}", "{count} {thing} missing since {when}", "{who} sold {count} {thing} for {cost}"), {
        "count": ("how many {thing} (are there|do we still have|are left|did we count|are gone|went)", "number of {thing}"), "where": ("where (are|did we see|were) the {thing}",), "when": ("since when (are|do we miss) the {thing}( gone|)",), "cost": ("what did we get for the {thing}", "how much (came in|did we earn) (for|with) the {thing}")}),
)  # fmt: skip
SYNONYMS = {
    "boiler": "furnace", "fence": "railing", "front door": "entrance", "heating": "radiators", "chimney": "flue", "elevator": "lift", "stove": "cooker", "staircase": "steps", "letterbox": "mailbox", "skylight": "roof window", "van": "lorry",
    "projector": "beamer", "generator": "power unit", "bicycle": "bike", "mower": "grass cutter", "freezer": "deep-freeze", "amplifier": "speakers", "website": "homepage", "newsletter": "circular", "budget": "finances", "contract": "agreement",
    "brochure": "leaflet", "poster": "placard", "calendar": "schedule", "survey": "questionnaire", "firewood": "logs", "curtains": "drapes", "helmets": "hard hats", "flyers": "handouts", "lamps": "lights", "excursion": "day trip", "rehearsal": "practice",
    "meeting": "gathering", "exhibition": "show", "training": "coaching", "market": "fair", "petty cash": "small money", "guest book": "visitors", "archive": "old records", "camera": "photo equipment", "router": "wifi box", "spare key": "second key",
}  # fmt: skip
"""What else people call a thing, in a word that its document does not have."""
FIRMS = ("Hoekstra", "Nordlys", "Holm & Søn", "Bäckerei Lind", "the farm shop", "Ferrum", "Kjær Supply", "Delta Print", "the flea market", "Olsen Bros", "Tool Barn", "Łąka Studio", "Garage Petrov", "the city depot", "Weiss GmbH")
WHYS = ("a worn seal", "frost", "a wrong password", "missing signatures", "a loose cable", "the storm", "too little money", "a full disk", "mice", "the strike", "an expired card", "rust", "a power cut", "bad weather", "wrong measurements", "a blocked filter", "late delivery", "a misread date")
UNITS = ("minutes", "hours", "days", "weeks", "months")
HEADS = ("Log", "Logbook", "Notes", "House notes", "Diary", "Journal", "What happened", "Workshop book", "Site diary", "Memo", "Runbook", "How we do it", "Minutes", "Things to know", "Handover")
STEMS = {
    "journal": "diary journal logbook log-2024 daybook site-diary", "notes": "notes NOTES memo things house-notes remarks", "runbook": "runbook RUNBOOK howto procedure manual guide",
    "minutes": "minutes meeting-notes protocol council", "letter": "letter mail-to-board reply message", "checklist": "checklist todo open-points before-season", "handbook": "handbook faq rules house-rules onboarding", "changes": "CHANGES releases history news",
}  # fmt: skip
ROLES = {
    "journal": ("diary", "journal", "logbook", "log book"), "notes": ("notes", "memo"), "runbook": ("runbook", "procedure", "manual"), "minutes": ("minutes", "protocol", "meeting notes"), "letter": ("letter", "mail"),
    "checklist": ("checklist", "list", "todo list"), "handbook": ("handbook", "rules", "house rules"), "changes": ("history", "news", "list of changes"),
}  # fmt: skip
_SLOTS = ("who", "when", "cost", "firm", "why", "span", "where", "time", "count", "amount", "degrees")


@dataclass
class Event:
    """One sentence and what can be asked about it."""

    thing: str
    line: str
    """The sentence as it stands in the file, without the mark before it."""
    values: dict[str, str]
    questions: dict[str, tuple[str, ...]]
    done: bool | None = None
    """Of lists with boxes."""


@dataclass
class Account(File):
    """A document of events."""

    shape: str = ""
    events: list[Event] = field(default_factory=list)
    made: str = ""
    """The text as it was made."""


def _value(r: Random, slot: str, style: str) -> str:
    if slot == "who":
        return person(r) if r.random() < 0.4 else r.choice(FIRST)
    if slot == "when":
        spoken = (r.choice(DAYS), f"{r.choice(DAYS)} morning", date_in("spoken", iso_date(r)))
        return date_in(style, iso_date(r)) if r.random() < 0.7 else r.choice(spoken)
    n = r.randint(2, 90)
    return {
        "cost": r.choice((f"{n * 5} euros", f"€ {n * 10}", f"{n}.50 EUR", f"{n * 7} kr", f"{n * 3}.90 €")), "firm": r.choice(FIRMS), "why": r.choice(WHYS), "span": f"{r.randint(2, 12)} {r.choice(UNITS)}",
        "where": r.choice(PLACES), "time": f"{r.randint(7, 21)}:{r.choice(('00', '15', '30', '45'))}", "count": str(n), "amount": f"{n} liters", "degrees": f"{r.randint(4, 90)} °C",
    }[slot]  # fmt: skip


def event(m: Maker, style: str, taken: set[str]) -> Event | None:
    """An event about a thing that the document does not have yet."""
    names, sentences, questions = m.r.choice(VERBS)
    thing = m.r.choice(names.split("|"))
    sentence = m.r.choice(sentences)
    if taken & set(thing.split()) or thing in sentence.lower():
        return None
    values = {slot: _value(m.r, slot, style) for slot in _SLOTS if "{" + slot + "}" in sentence}
    if m.r.random() < 0.3:
        sentence = sentence[0].upper() + sentence[1:]
    line = sentence.format(thing=thing, **values)
    if thing.endswith("s"):
        line = line.replace(f"{thing} is ", f"{thing} are ")
    if line[-1] != "." and m.r.random() < 0.4:
        line += "."
    taken |= set(thing.split())
    return Event(thing, line[0].upper() + line[1:] if m.r.random() < 0.5 else line, values, {k: v for k, v in questions.items() if k in values})


def account(m: Maker, path: str, shape: str) -> Account:
    """A document of 4 to 14 events in one of the shapes."""
    r, taken = m.r, set()
    style = r.choice(("iso", "dots", "long", "slash"))
    events = [e for _ in range(r.choice((4, 6, 7, 9, 11, 14))) if (e := event(m, style, taken))]
    if shape == "checklist":
        for e in events:
            e.done = r.random() < 0.5
    lines = _LAYOUTS[shape](r, events, style)
    text = "\n".join(lines) + "\n"
    return Account(path, text, "account", shape=shape, events=events, made=text)


def _title(r: Random, md: bool = True) -> list[str]:
    name = r.choice(HEADS)
    return [f"# {name}", ""] if md else [name, "=" * len(name), ""] if r.random() < 0.4 else [name.upper(), ""]


def _journal(r: Random, events: list[Event], style: str) -> list[str]:
    """Dated lines; the date is a part of the line."""
    lines, mark = _title(r), r.choice(("{d}  {e}", "{d}: {e}", "- {d} {e}", "{d} - {e}"))
    for e in events:
        day = date_in(style, iso_date(r))
        e.line = mark.format(d=day, e=e.line).removeprefix("- ")
        if "when" not in e.values:
            e.values["when"] = day
            e.questions = {**e.questions, "when": WHEN}
        lines.append("- " + e.line if mark[0] == "-" else e.line)
    return lines


def _bullets(r: Random, events: list[Event], style: str) -> list[str]:
    mark = r.choice(("- ", "* ", "", "+ "))
    return [*(_title(r, r.random() < 0.6) if r.random() < 0.8 else []), *(mark + e.line for e in events)]


def _steps(r: Random, events: list[Event], style: str) -> list[str]:
    cut = len(events) // 2
    out = [*_title(r), "## Before", ""]
    out += [f"{i}. {e.line}" for i, e in enumerate(events[:cut], 1)]
    return [*out, "", "## After", "", *(f"{i}. {e.line}" for i, e in enumerate(events[cut:], 1))]


def _minutes(r: Random, events: list[Event], style: str) -> list[str]:
    people = ", ".join(r.sample(FIRST, 4))
    out = [f"# Minutes {date_in(style, iso_date(r))}", "", f"Present: {people}", "", "## Points", ""]
    return [*out, *(f"- {e.line}" for e in events)]


def _letter(r: Random, events: list[Event], style: str) -> list[str]:
    """Paragraphs with several sentences in a line."""
    out = [f"Dear {r.choice(FIRST)},", ""]
    for i in range(0, len(events), 3):
        for e in events[i : i + 3]:
            e.line = e.line.rstrip(".")[0].upper() + e.line.rstrip(".")[1:] + "."
        out += [" ".join(e.line for e in events[i : i + 3]), ""]
    return [*out, r.choice(("Best wishes", "Kind regards", "Yours", "See you soon")), r.choice(FIRST)]


def _boxes(r: Random, events: list[Event], style: str) -> list[str]:
    return [*_title(r), *(f"- [{'x' if e.done else ' '}] {e.line}" for e in events)]


def _sections(r: Random, events: list[Event], style: str) -> list[str]:
    """A heading per thing; the sentence below it."""
    out = _title(r)
    for e in events:
        out += [f"## {e.thing.capitalize()}", "", e.line, ""]
    return out[:-1]


def _releases(r: Random, events: list[Event], style: str) -> list[str]:
    out, n = ["# Changes", ""], len(events)
    for i in range(0, n, 3):
        out += [f"## 1.{n - i}.0 ({date_in('iso', iso_date(r))})", "", *(f"- {e.line}" for e in events[i : i + 3]), ""]
    return out[:-1]


_LAYOUTS = {
    "journal": _journal, "notes": _bullets, "runbook": _steps, "minutes": _minutes, "letter": _letter,
    "checklist": _boxes, "handbook": _sections, "changes": _releases,
}  # fmt: skip
SHAPES = tuple(_LAYOUTS)
