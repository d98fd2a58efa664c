"""Facts told in free sentences and asked for in other words, after other requests; the newest holds."""

from __future__ import annotations

# ruff: noqa: E501  a wording is easier to read in one piece
from ..records import DAYS, FIRST, MONTHS, PLACES, TOWNS, asked, person
from ..session import Session
from .common import Check, done, is_clean

_LEAD = ("{told}", "{told}", "{told}.", "(by the way|btw|fyi|just so you know|for later|note for you|oh and|good news|so|listen|remember)(,|:) {told}", "{told}(, ok?|, keep that in mind|. Remember that|, just so you know|. I'll ask later|, don't forget| by the way|)", "(you should know|keep in mind|don't forget|remember|please remember) that {told}")
_AGAIN = ("(no wait|correction|sorry|change of plan|update|actually|oops|I was wrong)(,|:) {told}", "{told} (now|after all|instead)", "(it changed|plans changed|that changed)(:|,|.) {told}( now|)")
_ASK = ("{q}[q]", "{q}[q]", "[qpre]{q}[q]", "{q}( again|, do you remember|, did I say|, remember|, I forgot|)[q]", "(do you remember|can you remind me|remind me|tell me again|what did I say:|I forgot,|you know) {q}[q]")
FACTS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    # label, kind of value, ways to tell, ways to ask
    ("dentist appointment", "when", ("the dentist (sees|expects|wants) me on {v}", "I have to be at the dentist's on {v}", "(my|the) dentist moved me to {v}"), ("when (must|do|should) I (go to|see|visit) the dentist", "what day does the dentist (see|expect) me")),
    ("car's parking place", "place", ("I (parked|left|put) the car (in front of|near|behind) {v}", "the car (stands|waits|is) (near|behind) {v}"), ("where (is|did I leave|did I park|stands) (the|my) car", "where do I find the car")),
    ("sister's new home", "town", ("my sister (moved|has moved|is moving) to {v}", "my sister lives in {v} now"), ("where (does|did) my sister (live|move|go)", "which (city|town) is my sister in")),
    ("neighbor's name", "person", ("the (new |)neighbor (is called|goes by the name of|introduced himself as) {v}", "{v} moved in next door"), ("(who|what is the name of the person|who is it that) (lives|moved in) next door", "what is (the|our) neighbor called")),
    ("release date", "when", ("we (ship|release|publish|go live) on {v}", "the release (happens|goes out|was moved to|takes place) {v}"), ("when (do|are) we (ship|release|shipping|go live|going live)", "on which day is the release")),
    ("landlord's phone number", "phone", ("the landlord (can be reached|answers|picks up) at {v}", "to call the landlord one dials {v}"), ("(how|where) do I (reach|call|phone) the landlord", "what number does the landlord have")),
    ("cat's food", "food", ("the cat (eats|gets|only likes|wants) {v}", "we feed the cat {v}"), ("what (does the cat eat|do we feed the cat|do I give the cat)", "what is the cat's favorite food")),
    ("gate code", "code", ("the gate opens with {v}", "(you|we|one) (type|enter|press) {v} at the gate", "they changed the gate to {v}"), ("(how|with what) (do I|does one) open the gate", "which code (opens|is for) the gate")),
    ("train to the conference", "clock", ("the train to the conference leaves at {v}", "my train goes at {v}"), ("when (does|is) (my|the) train (leave|go|leaving)", "what time must I be on the platform")),
    ("person on call", "person", ("{v} (is on call|has duty|takes over|watches the servers) this week", "this week the pager (is with|belongs to) {v}"), ("who (is on call|has the pager|has duty) this week", "whom do we call this week when something breaks")),
    ("team lunch", "foodplace", ("we (eat|meet for lunch|have lunch) at {v}", "the team lunch (is|takes place|was booked) at {v}"), ("where do we (eat|meet for lunch|have lunch)", "which restaurant did we pick")),
    ("spare key's place", "hide", ("the spare key (hangs|lies|is hidden|sits) {v}", "I hid the spare key {v}"), ("where (is|did I hide|do I find|did I put) the spare key", "where does the spare key hang")),
    ("boss's holidays", "span", ("the boss is away (from|for) {v}", "my boss (takes off|is on holiday) {v}"), ("when is the boss (away|on holiday|not here)", "how long is my boss (gone|away)")),
    ("bike's lock combination", "digits", ("my bike lock opens with {v}", "the (combination|number) on my bike lock reads {v}"), ("(how|with what) do I unlock my bike", "which number opens my bike lock")),
    ("budget for the party", "money", ("we (may|can|are allowed to) spend {v} on the party", "the party must not cost more than {v}"), ("how much (may|can) (we|I) spend on the party", "what may the party cost")),
    ("new intern", "person", ("{v} (starts|begins) as (our|the) new intern on Monday", "the new intern is (called|named) {v}"), ("who (starts|begins|comes) on Monday as intern", "what is the intern's name")),
    ("meeting room", "room", ("we (meet|sit|gather) in {v} today", "the meeting was moved to {v}", "they put us into {v}"), ("where (do we meet|is the meeting|do we sit) today", "which room are we in")),
    ("project's nickname", "two", ("internally (we|people) call the project {v}", "the project goes by {v} among us"), ("what do we call the project( internally|)", "which nickname has the project")),
    ("flight", "flight", ("I fly (home |)with {v}", "(my|the) flight back is {v}"), ("(which|what) flight (am I on|do I take|is mine)", "what do I fly (home |)with")),
    ("printer's password", "code", ("the printer (wants|asks for|accepts) {v} as password", "for the printer one types {v}"), ("what does the printer want as password", "what do I type into the printer")),
    ("daughter's school trip", "towndate", ("my daughter's class goes to {v}", "the school trip (leads|goes) to {v}"), ("where does (my daughter's class|the school trip) go", "what is the plan for the school trip")),
    ("doctor's orders", "dose", ("the doctor (told me to take|gave me|wants me to take) {v}", "I (must|have to) take {v}"), ("what (must I take|did the doctor give me|did the doctor say)", "how much of it do I take")),
    ("reviewer", "person", ("{v} (reviews|will review|checks) my (code|changes|work)", "(send|give) my changes to {v} for review"), ("who (reviews|checks) my (code|changes|work)", "to whom do my changes go")),
    ("delivery window", "window", ("the (parcel|sofa|package) (comes|arrives|will be brought) between {v}", "they deliver between {v}"), ("when (do they|does the parcel|will they) (deliver|come|arrive)", "between which hours must I be home")),
    ("favorite editor", "tool", ("I (do everything|work|write) in {v}", "I switched to {v} (last year|a while ago)"), ("what (do I write my code in|editor do I use|did I switch to)", "which editor is mine")),
    ("client's wish", "wish", ("the client (wants|asked for|insists on) {v}", "(they|the client) would like to have {v}"), ("what (does|did) the client (want|ask for|insist on)", "what was the wish of the client")),
    # about someone: {p} is a first name
    ("{p}'s birthday", "when", ("{p} (turns|will be) {n} on {v}", "{p} (celebrates|has a birthday|was born) on {v}"), ("when (was {p} born|does {p} celebrate|is {p}'s party)", "on what day do I congratulate {p}")),
    ("{p}'s allergy", "food", ("{p} (cannot eat|gets sick from|must avoid) {v}", "nobody may serve {v} to {p}"), ("what (must|can't) {p} (not eat|eat)", "what does {p} have to avoid")),
    ("{p}'s extension", "digits", ("{p} (picks up at|answers on|has moved to extension) {v}", "dial {v} for {p}"), ("how do I (reach|call) {p}", "what do I dial for {p}")),
    ("{p}'s new job", "job", ("{p} (works as|became|was made|has been hired as) {v}", "{p} is {v} now"), ("what (does|did) {p} (do for a living|become)", "as what was {p} hired")),
    ("{p}'s present", "present", ("{p} (gets|wants|wishes for) {v}( for the birthday| for Christmas|)", "we give {p} {v}"), ("what do we give {p}", "what does {p} wish for", "which present is for {p}")),
    ("{p}'s hotel", "foodplace", ("{p} (stays|sleeps|is staying) at {v}", "we booked {v} for {p}"), ("where (does|will) {p} (stay|sleep)", "what did we book for {p}")),
    ("{p}'s arrival", "when", ("{p} (arrives|comes|lands|gets here) {v}", "we pick {p} up on {v}"), ("when (does|will) {p} (arrive|come|get here|land)", "when must we pick {p} up")),
    ("{p}'s locker", "digits", ("{p} (has|uses|got) locker {v}", "locker {v} (belongs to|is for) {p}"), ("which locker (belongs to|is used by|did they give to) {p}",)),
    ("{p}'s debt", "money", ("{p} owes me {v}", "I lent {p} {v}", "{p} still has to pay me {v}"), ("how much (does {p} owe me|did I lend {p}|will I get from {p})",)),
    ("{p}'s home town", "town", ("{p} (comes from|grew up in|was born in) {v}",), ("where (does {p} come from|did {p} grow up)",)),
)  # fmt: skip


def _ways(label: str) -> tuple[tuple[str, ...], str] | None:
    """The ways to ask for a told fact, and whom it is about."""
    who, _, what = label.partition("'s ")
    for name, _, _, asks in FACTS:
        if name == label:
            return asks, ""
        if name == "{p}'s " + what:
            return asks, who
    return None


def _value(s: Session, kind: str) -> str:
    r, x = s.r, s.x
    clock = f"{r.randint(6, 22)}:{r.choice(('00', '15', '30', '45'))}"
    return {
        "when": lambda: r.choice((f"{r.choice(DAYS)} at {clock}", f"{r.choice(MONTHS)} {r.randint(1, 28)}", f"{r.choice(DAYS)} the {r.randint(4, 28)}th", f"{r.randint(1, 28)} {r.choice(MONTHS)} {r.randint(2025, 2028)}")),
        "place": lambda: r.choice(("the old mill", "the post office", "the bakery", "the town hall", "the tennis courts", "the chapel", "the fish market", "the fire station", "the swimming pool", "gate 4")),
        "town": lambda: r.choice(TOWNS), "person": lambda: person(r) if r.random() < 0.6 else r.choice(FIRST), "clock": lambda: clock, "code": lambda: r.choice((x.code(r), x.hex(r, 6), f"{x.word(r)}-{r.randint(10, 999)}")),
        "phone": lambda: f"0{r.randint(30, 99)} {r.randint(100, 999)} {r.randint(1000, 9999)}", "food": lambda: f"{r.choice(('dry', 'wet', 'cold', 'minced', 'grilled'))} {r.choice(('tuna', 'chicken', 'salmon', 'liver', 'turkey'))}",
        "foodplace": lambda: r.choice(("Café Perlé", "the Blue Lantern", "Trattoria Nonna", "Chez Renée", "the Noodle Bar", "Lille Havn", "Taj Garden")), "hide": lambda: f"{r.choice(('under', 'behind', 'above', 'inside'))} the {r.choice(('flower pot', 'blue bucket', 'gas meter', 'letterbox', 'bird house', 'wood pile'))}",
        "span": lambda: f"{r.choice(MONTHS)} {r.randint(1, 14)} to {r.randint(15, 28)}", "digits": lambda: str(r.randint(1000, 9999)), "money": lambda: r.choice((f"{r.randint(4, 90) * 10} euros", f"€ {r.randint(3, 30) * 50}")), "room": lambda: r.choice((f"room {r.randint(1, 40)}", "the Birch room", "the small kitchen", *PLACES[18:])),
        "two": lambda: f"{r.choice(('silver', 'tiny', 'lazy', 'purple', 'wild', 'frozen'))} {r.choice(('otter', 'teapot', 'falcon', 'pickle', 'comet', 'walrus'))}", "flight": lambda: f"{r.choice(('LH', 'KL', 'SK', 'AF', 'BA'))} {r.randint(100, 2999)} at {clock}", "towndate": lambda: f"{r.choice(TOWNS)} in {r.choice(MONTHS)}",
        "dose": lambda: f"{r.randint(1, 4)} {r.choice(('pills', 'drops', 'spoons'))} {r.choice(('every morning', 'a day', 'before bed', 'after lunch'))}", "window": lambda: f"{r.randint(7, 12)} and {r.randint(13, 19)}", "tool": lambda: r.choice(("Vim", "Emacs", "Kakoune", "VS Code", "Sublime Text", "Helix", "nano")),
        "job": lambda: r.choice(("head of sales", "a night nurse", "the new treasurer", "a train driver", "chief cook", "a tax lawyer", "stage manager")), "present": lambda: r.choice(("a red scarf", "two concert tickets", "a chess book", "a bird feeder", "new running shoes", "an old atlas")),
        "wish": lambda: f"{r.choice(('a darker', 'a bigger', 'a simpler', 'a second', 'a round'))} {r.choice(('logo', 'search box', 'front page', 'menu', 'price table'))}",
    }[kind]()  # fmt: skip


def tell_free(s: Session) -> Check | None:
    """A sentence that tells something; a later one about the same thing replaces it."""
    label, kind, ways, _ = s.r.choice(FACTS)
    who, value = s.r.choice(FIRST), _value(s, kind)
    label = label.replace("{p}", who)
    if not is_clean(value):
        return None
    again = any(label in x.names for x in s.seen if not x.path)
    template = s.r.choice(_AGAIN if again and s.r.random() < 0.7 else _LEAD)
    text = asked(s, (template.replace("{told}", s.r.choice(ways)),), v=value, p=who, n=str(s.r.randint(3, 90)))
    s.say(f"Noted: your {label} is `{value}`.")
    s.told(label, value, text)
    return done(s, value, harmless=True)


def ask_free(s: Session) -> Check | None:
    """The question for it; by recall when it is out of sight."""
    told = [x for x in (*s.seen, *s.gone) if not x.path and _ways(x.names[0])]
    if not told:
        return tell_free(s) and ask_free(s) if s.r.random() < 0.15 else tell_free(s)
    out_of_sight = [x for x in told if x in s.gone]
    fact = s.r.choice(out_of_sight if out_of_sight and s.r.random() < 0.6 else told)
    label, is_gone = fact.names[0], fact not in s.seen
    if is_gone and any(label in x.names for x in s.seen):
        return None
    ways, who = _ways(label)
    asked(s, (s.r.choice(_ASK).replace("{q}", s.r.choice(ways)),), p=who)
    if is_gone:
        s.recall(label, [fact])
        s.say(f"Your {label} is `{fact.value}` (turn {fact.turn}).")
    else:
        s.say(f"Your {label} is `{fact.value}`.")
    return done(s, fact.value, harmless=True)


TASKS = {"tell_free": (4, tell_free), "ask_free": (7, ask_free)}
