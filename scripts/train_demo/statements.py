"""Facts in whole sentences, as notes hold them and people tell them, and how one asks for them.

Each line: sentence | what to search for | questions. The slots of a sentence are drawn once and
stand in its questions too.
"""

from __future__ import annotations

# ruff: noqa: E501, SIM905  a table is easier to read in one piece
from dataclasses import dataclass
from random import Random

from .values import CITIES, PRODUCTS, Lexicon
from .wording import expand, fill

EVENTS = (
    "meeting;workshop;launch;concert;dentist appointment;party;exam;wedding;review;picnic;training;interview;demo;conference;election;dinner;delivery;inspection;match;rehearsal;kickoff;audit;maintenance;holiday;trip;lecture;hike;fair;auction;festival;board meeting;team lunch;yoga class;parents' evening;open day;book club;vet visit;garden party;release;retrospective;call with {p};visit of {p};birthday of {p}"
).split(";")
OBJECTS = (
    "projector;spare key;ladder;first aid kit;printer;coffee machine;router;bike pump;old server;tool box;drill;passport;contract;invoice;tent;heater;camera;generator;oven;water tank;fuse box;antenna;boiler;freezer;greenhouse;workbench;backup disk;sewing machine;piano;guitar;lawn mower;telescope;seed box;ladder truck;fire extinguisher;whiteboard;cash box;guest room;compost bin;bus;red car;cable drum;microscope;3D printer;sensor kit;south gate;bread;cake;tomatoes;roses;dog food;paint;firewood;honey;cheese order;tickets;flyers;chairs;newsletter;budget;schedule;translation;landing page;login page;search index;import job;payment service;migration;contact form;dashboard;test database;mobile app;map view;checkout"
).split(";")
PLACES = "kitchen;cellar;attic;garage;hall;shed;lobby;library;second drawer;blue cabinet;top shelf;server room;office;garden house;locker {n};room {n};meeting room;box {n};red bag;car;workshop;archive;back yard;main building".split(";")
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
CAUSES = "a broken cable;too little memory;the storm;a full disk;a wrong password;the holidays;a missing part;high costs;a bug in the parser;an expired certificate;bad weather;the noise;low demand;a power cut;slow queries;a typo in the config;licence problems;security reasons;lack of time;a burst pipe".split(";")

_LEAD = "(|||||do you know |can you tell me |any idea |tell me |I forgot |please look up |remind me |I need to know |find out )"
_TABLE = """
(The|Our|Next|The next) {event} (is|takes place|will be|starts|happens) on {when}(| in the {place}). | {event} | when (is|does|will|was) the {event}( be| take place| start| happen|);what (day|date) is the {event};(date|day|time) of the {event};the {event} (is|was) when;when do we have the {event};on (which|what) day is the {event}
(The|Our) {event} was (moved|shifted|postponed|changed) (to|from {day} to) {when}. | {event} | when is the {event}( now|);to (when|which day) (was|did we move) the {event}( moved| postponed|);what is the new date of the {event};is the {event} still on {day}
{p} (brings|takes care of|is responsible for|handles|looks after|orders|pays for|is in charge of|will fix|prepares|owns) the {object}. | {object} | who (brings|takes care of|is responsible for|handles|looks after|orders|pays for|is in charge of|does|has|owns|prepares) the {object};whose (job|task) is the {object};whom do I ask about the {object};who is it for the {object}
{p} (borrowed|took|has|still has|lent out|returned|bought|sold|broke|painted|repaired) the {object}(| on {when}). | {object} | who (borrowed|took|has|got|bought|sold|broke|repaired|has got) the {object};where did the {object} go;what happened to the {object};when did {p} (take|get|borrow|buy|return) the {object}
(The|Our|We keep the) {object} (is|is kept|lies|stands|hangs|can be found|stays|is stored) (in|behind|next to|under) the {place}. | {object} | where (is|do we keep|do I find|can I find|did we put|lies|is kept) the {object};(place|location) of the {object};in which (room|place) is the {object};I can't find the {object}
(The|Our) {object} (costs|cost|was|is) {money}(| a month| a year| in all|). | {object} | how much (is|was|does|did|do we pay for) the {object}( cost|);price of the {object};what does the {object} cost;what did we pay for the {object};how expensive was the {object}
{p} (lives in|moved to|comes from|works in|is travelling to|studied in|flies to) {city}(| since {year}| in {year}). | {p} | where (does|did|is) {p} (live|come from|work|go|move|travel|from|study|now);which city is {p} in;since when is {p} there;{p}'s (city|town|home)
{p} (likes|prefers|collects|is allergic to|hates|needs|ordered|asked for|cannot eat|always takes) {product}. | {p} | what (does|did|is) {p} (like|prefer|collect|allergic to|hate|need|order|want|ask for|eat);what about {p}'s (wishes|order|allergies|taste);what should I (bring|buy|avoid) for {p}
(We|I) (meet|see|call|visit|pick up) {p} on {when}(| at the {place}| in {city}). | {p} | when do (we|I) (meet|see|call|visit|pick up) {p};what is on {day} with {p};when is {p} (due|coming|here)
(The|Our) {object} (needs|takes|lasts|runs for|has to rest) {span}. | {object} | how (long|much time) does the {object} (take|need|last|run|rest);how many (minutes|hours|days) does the {object} (need|take|last)
We (chose|picked|switched to|decided on|settled on|use|agreed on) {thing2} (for|as) the {object}(| because of {cause}). | {object} | what did we (choose|pick|decide on|agree on|settle on|use) for the {object};(which one|what) do we use for the {object};why did we (choose|pick|take) {thing2};what was decided about the {object}
(The|Our) {object} (broke|failed|stopped|was replaced|was down|crashed|was delayed) on {when} because of {cause}. | {object} | why did the {object} (break|fail|stop|crash);when did the {object} (break|fail|stop|crash);what (was|is) wrong with the {object};what happened to the {object};why was the {object} (replaced|down|delayed);reason for the {object} (problem|failure|outage)
(Call|Ring|Write to|Ask) {p} (at|under|on) {phone} (about|for|if there is trouble with) the {object}. | {object} | whom (do|should) (I|we) (call|ask|ring|write to) about the {object};who helps with the {object};{p}'s (number|phone|phone number|contact);what number do I call (for|about) the {object}
(The|) (password|code|combination|pin|key code) (for|of) the {object} is {code}. | {object} | what is the (code|password|combination|pin) (for|of) the {object};how do I (open|unlock|get into) the {object};{object} (code|password|pin)
(The|Our) {event} is (led|organised|run|paid|hosted|planned) by {p}. | {event} | who (leads|organises|runs|pays|hosts|plans|is behind) the {event};whom do I ask about the {event};who is doing the {event}
(The|Our|A new) {object} (arrives|was delivered|is due|will be ready|came|was ordered) on {when}. | {object} | when (does|did|is|was|will) the {object} (arrive|come|due|ready|delivered|be here|ordered);is the {object} here yet;how long do we wait for the {object}
There are {n} {product}s in the {place}. | {product} | how many {product}s (are there|do we have|are left|have we got|are in the {place});where are the {product}s;number of {product}s;do we have any {product}s
{p} (turns|will be|is) {n} on {when}. | {p} | how old (is|will be) {p};when is {p}'s birthday;{p}'s (age|birthday)
(Version|Release) {version} (fixes|fixed|adds|added|removed|improves|brings) the {object}. | {version} | what (did|does) (version|release) {version} (fix|add|bring|change|remove|do);what is new in {version};(which version|when) (fixed|added|removed|has) the {object}
(In|During) the {event} {p} (suggested|asked|promised|proposed|wanted) to (paint|repair|replace|sell|move|test|clean|rewrite) the {object}. | {object} | what did {p} (suggest|ask for|promise|propose|want)( in the {event}|);who (wanted|suggested|promised|proposed) to do something about the {object};what about the {object}
(Never|Do not|Don't|Always|Please) (open|use|move|lend out|switch off|clean|lock|water|restart) the {object} (before {clock}|after {clock}|on {day}|without {p}|during the {event}). | {object} | when (may|can|should|must) (I|we|one) (use|open|move|switch off|clean|restart) the {object};what is the rule (for|about) the {object};may I (use|open|move) the {object};what do I have to know about the {object}
(Flight|Train|Bus|Ferry) {code} to {city} (leaves|departs|goes|starts) at {clock}( from gate {n}| from platform {n}|). | {city} | when does the (flight|train|bus|ferry) to {city} (leave|go|depart);how do we get to {city};from (which|what) (gate|platform) (does it|do we) (go|leave) to {city};number of the (flight|train|bus) to {city}
{p}'s (desk|car|bike|dog|cat|team|company|room|boat|sister|email|book|shop|locker) is (called |at |) {value}. | {p} | what is {p}'s (desk|car|bike|dog|cat|team|company|room|boat|sister|email|book|shop|locker)( called|);what do you know about {p};{p}'s (desk|car|bike|dog|cat|team|company|room|boat|email|shop|locker)
(We|They) (sold|made|counted|planted|shipped|lost|ordered|collected) {n} {product}s (in {month}|on {when}|last week|in {year}). | {product} | how many {product}s (did we|were) (sell|make|count|plant|ship|lose|order|collect|sold|made|lost);what about the {product}s;when did we (sell|make|order|lose|ship) the {product}s
"""


@dataclass(frozen=True)
class Statement:
    """One sentence and how it is asked for."""

    text: str
    subject: str
    """Words that the questions share with it."""
    questions: tuple[str, ...]
    """Templates; only alternatives are left to draw."""


def _rows() -> list[tuple[str, str, tuple[str, ...]]]:
    rows = []
    for line in _TABLE.strip().splitlines():
        sentence, subject, questions = line.split(" | ", 2)
        rows.append((sentence, subject, tuple(questions.split(";"))))
    return rows


_ROWS = _rows()


def statement(r: Random, x: Lexicon) -> Statement:
    """A fresh one."""
    sentence, subject, questions = r.choice(_ROWS)
    person = x.person(r)
    slots = {
        "p": person.split()[0] if r.random() < 0.7 else person,
        "event": r.choice(EVENTS).replace("{p}", x.person(r).split()[0]) if r.random() < 0.8
        else f"{x.word(r)} {r.choice(('meeting', 'day', 'review', 'party', 'course'))}",
        "object": r.choice(OBJECTS) if r.random() < 0.75 else x.words_of(r, 1, 2),
        "place": r.choice(PLACES).replace("{n}", str(r.randint(1, 40))),
        "when": _when(r, x), "day": r.choice(DAYS), "clock": x.clock(r), "city": r.choice(CITIES),
        "money": r.choice(("{} euros", "{} dollars", "{} EUR", "${}", "{} pounds")).format(r.randint(2, 4000)),
        "product": r.choice(PRODUCTS), "year": str(r.randint(1990, 2027)),
        "span": f"{r.randint(2, 90)} {r.choice(('minutes', 'hours', 'days', 'weeks', 'seconds'))}",
        "thing2": r.choice((x.word(r), x.word(r).capitalize(), r.choice(PRODUCTS), x.ident(r))),
        "cause": r.choice(CAUSES), "phone": f"{r.randint(10, 999)} {r.randint(1000, 99999)}",
        "code": x.code(r), "n": str(r.randint(2, 90)), "version": x.version(r),
        "month": r.choice(("January", "March", "May", "June", "August", "October", "December")),
        "value": x.value(r),
    }  # fmt: skip
    text = fill(expand(r, sentence), slots)
    questions = tuple(fill(question, slots) for question in questions)
    return Statement(text[0].upper() + text[1:], fill(subject, slots), questions)


def _when(r: Random, x: Lexicon) -> str:
    day = r.choice((r.choice(DAYS), x.date(r), f"{r.choice(('May', 'June', 'March', 'October', 'July', 'April'))} {r.randint(1, 30)}", f"the {r.randint(4, 20)}th"))
    return day + (f" at {x.clock(r)}" if r.random() < 0.3 else "")


def question(r: Random, s: Statement) -> str:
    """One of its questions; a name's bars and brackets are none of the grammar's."""
    return expand(r, r.choice((_LEAD, "")) + r.choice(s.questions))


def search_word(s: Statement) -> str:
    """The longest word of the subject."""
    return max(s.subject.replace("'s", "").split(), key=len)
