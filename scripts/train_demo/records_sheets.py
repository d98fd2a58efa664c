"""Tables as clubs, shops, labs and small firms keep them: columns that belong together.

A family says what a row is called, which files hold such rows, and for each column how its values
look and how people ask for them, mostly in other words than the header's.
"""

from __future__ import annotations

# ruff: noqa: E501  a table of strings is easier to read in one piece
from dataclasses import dataclass, field

from .files.base import File, Maker, Table
from .records import DATE_STYLES, draw


@dataclass(frozen=True)
class Column:
    """A column: spellings of its header, how its values look, what people call it."""

    headers: str
    spec: str
    nouns: str
    asks: tuple[str, ...] = ()
    """Whole questions with {row}, by purpose instead of by name."""

    @property
    def is_number(self) -> bool:
        return self.spec.split(":")[0] in ("int", "step", "money", "dec")

    @property
    def can_add(self) -> bool:
        """Whether a sum of it says something."""
        return self.is_number and self.headers.split("|")[0] not in _NO_SUM

    @property
    def is_choice(self) -> bool:
        return self.spec.split(":")[0] in ("cat", "first", "person", "city", "day", "place")

    @property
    def is_date(self) -> bool:
        return self.spec == "date"


@dataclass(frozen=True)
class Family:
    """A kind of table."""

    thing: str
    """What a row is, in the singular."""
    stems: str
    """Names of files."""
    roles: str
    """What people call the table."""
    key: str
    """Header of the naming column."""
    names: str
    """Values of the naming column: `person`, or a list."""
    columns: tuple[Column, ...]
    pairs: tuple[tuple[int, int, str], ...] = ()
    """Columns that are compared: the first below the second, and how that is asked."""


@dataclass
class Sheet(File):
    """A table file and what its columns mean."""

    family: Family | None = None
    mark: str = ","
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    columns: list[Column | None] = field(default_factory=list)
    """By position; None for the naming column and for numbering."""
    key_at: int = 0
    style: str = "iso"
    """How dates are written."""


C = Column
_NO_SUM = ("year", "floor", "age", "bpm", "ph", "temp_c", "distance_cm", "nitrate_mg", "minimum")
_CALL = ("how (do|can|could) (I|we) (call|reach|ring|phone) {row}", "(where|how) can {row} be (reached|called)", "(need|want|have) to (call|ring) {row}, (what's|whats) the number", "number to (reach|call|ring) {row}")
_MAIL = ("(where|which address) do I (write|send mail) to {row}", "how do I (mail|email|write to) {row}", "I (must|want to|have to) mail {row}, (what address|which address)")
_COST = ("how much (is|are|for|does one pay for) (the |){row}", "what does (the |a |){row} cost", "what do we (pay|charge|ask) for (the |a |){row}", "how expensive is (the |){row}")
_LEFT = ("how many {row} (are left|do we have|have we got|are there|remain)", "do we still have {row}, (how many|and how many)", "(how much|how many) {row} (in stock|on hand|left)")
_WHERE = ("where (is|are|do we keep|can I find|did we put|lives) (the |){row}", "(in|on) (which|what) (place|spot) is (the |){row}", "I can't find (the |){row}, where (is it|should it be)")
_WHO = ("who (is responsible for|takes care of|looks after|is in charge of|handles|has) (the |){row}", "whose job is (the |){row}", "who do I ask about (the |){row}")
_WHEN = ("(when|what time) (is|does) (the |){row}( start| begin|)", "at what time (is|starts) (the |){row}")

FAMILIES: tuple[Family, ...] = (
    Family("member", "members club_members choir people association", "members list|member list|list of members|membership list", "name", "person", (
        C("phone|tel|mobile", "phone", "phone|phone number|number|telephone number", _CALL), C("email|mail", "email", "mail address|email|email address", _MAIL),
        C("joined|member_since|since", "date", "joining date|entry date", ("since when (is|has) {row} (a member|with us|been a member)", "when did {row} join( us|)", "how long has {row} been (with us|a member)")),
        C("role|function|office", "cat:treasurer|chair|secretary|member|member|trainer|auditor|librarian|webmaster", "role|office|function", ("what does {row} do (in the club|here|for us)", "what is {row}'s job (here|in the club)")),
        C("fee|dues", "step:20-120", "fee|yearly fee|dues", ("how much does {row} (pay|owe us a year)",)), C("town|city", "city", "town|city|home town", ("where does {row} live", "where is {row} (from|based)")))),
    Family("employee", "staff employees team personnel", "staff list|employee list|team list|list of employees", "name", "person", (
        C("department|dept|team", "cat:sales|finance|support|research|logistics|design", "department|team", ("(where|in which team|in which department) does {row} work", "what is {row} working in")),
        C("desk|room", "form:R-00", "desk|room", ("where does {row} sit",)), C("phone|ext|extension", "label:100-899", "extension|phone extension", _CALL),
        C("start_date|hired|started", "date", "start date|first day", ("when did {row} (start|begin|join us|come to us)", "since when does {row} work here")),
        C("hours|weekly_hours", "cat:20|24|30|32|40", "weekly hours|hours", ("how many hours (does|a week does) {row} work",)), C("manager|boss", "first", "manager|boss", ("who does {row} report to", "who is the boss of {row}")))),
    Family("part", "parts spares inventory stock warehouse", "parts list|stock list|inventory|spare parts list", "part", "hex bolt M6|wing nut|rubber seal|oil filter|drive belt|brake pad|ball bearing|copper pipe|hose clamp|spark plug|fuse 10A|limit switch|gear wheel|air valve|chain link|wire rope|steel spring|washer 8 mm|water pump|cable tie", (
        C("quantity|qty|stock|in_stock", "int:0-240", "quantity|stock|number", _LEFT), C("minimum|min_stock|reorder_at", "int:5-80", "minimum|minimum stock|reorder level", ("below which number do we reorder {row}", "how many {row} should we have at least")),
        C("price|unit_price|cost", "money:0-90", "price|unit price", _COST), C("shelf|location|bin", "form:X-00", "shelf|place|location", _WHERE),
        C("supplier|vendor", "cat:Hoekstra|Nordwerk|Bolt & Sons|Ferrum|Kjær Supply|Lindqvist", "supplier|vendor", ("(who|which firm) (supplies|delivers|sells us) {row}", "where do we (buy|order|get) {row}"))),
        ((0, 1, "(which|what) parts (are|have fallen|fell) below (the |their |)minimum|what (do we|must we|should we) (reorder|buy|order)( again|)|which parts are running (low|out)|what is (low|short)"),)),
    Family("invoice", "invoices bills receivables billing", "invoice list|invoices|list of invoices|billing table", "customer", "Bakery Holm|Kiosk Vega|Atelier Ruiz|Hotel Miramar|Garage Petrov|Studio Nine|Farm Østby|Café Perlé|Clinic Sol|Dr. Weiss|School Lind|Print House|Boat Yard|Flower Corner|Bike Depot|Tea Room", (
        C("invoice|no|number", "form:20-0000", "invoice number|number", ("what number has the bill (of|for|to) {row}",)), C("amount|total|sum", "money:20-2400", "amount|total|sum", ("how much (does|do) {row} (owe us|have to pay|owe)", "what did we (bill|charge|invoice) {row}")),
        C("due|due_date|pay_by", "date", "due date", ("(until|by) when (must|does|should) {row} pay", "when is the money of {row} due", "when does {row} have to pay")), C("status|state", "cat:paid|open|overdue|sent|draft", "status|state", ("(has|did) {row} (paid|pay)( already|)", "where do we stand with {row}'s bill")))),
    Family("plant", "plants garden nursery seeds beds", "plant list|garden table|planting list", "plant", "tomato|runner bean|kale|leek|garlic|rhubarb|sweet pea|lavender|cucumber|pumpkin|beetroot|chard|dill|sunflower|marigold|carrot|radish|thyme|fennel|parsnip", (
        C("sow|sown|sow_month", "month", "sowing month|month for sowing", ("when (do we|should I|can we) (sow|plant|start) (the |){row}", "(which|what) month is (right |)for {row}")), C("distance_cm|spacing|spacing_cm", "step:5-90", "spacing|distance", ("how far apart (do|should) {row} (go|stand|be planted)", "how much room does {row} need")),
        C("bed|row|place", "cat:north bed|south bed|herb bed|greenhouse|cold frame|bed 4|bed 7", "bed|place", ("where (is|does|did we plant) (the |){row}( grow|)", "(in which|which) bed (has|is|holds) (the |){row}")),
        C("water|watering", "cat:daily|weekly|every 2 days|rarely", "watering", ("how often (must|should|do) (I|we) water (the |){row}",)), C("harvest|ripe", "month", "harvest|harvest month", ("when (can we|do we) (pick|harvest|eat) (the |){row}", "when is (the |){row} ripe")))),
    Family("book", "books library loans catalogue reading", "book list|catalogue|library list|loan list", "title", "The Salt Road|Night Ferry|A Small Winter|Glass Rivers|Under the Elm|Map of Bees|Two Lanterns|Blue Harbor|The Last Orchard|Paper Wolves|Island Post|Grey Morning|The Tin Clock|Nine Letters|Snow Bridge", (
        C("author|by|written_by", "person", "author|writer", ("who wrote {row}", "(who|whom) is {row} by")), C("year|published", "int:1921-2024", "year|year of publication", ("when (was|did) {row} (published|come out|appear)", "how old is {row}")),
        C("pages", "int:80-720", "pages|number of pages|page count", ("how (long|thick) is {row}",)), C("lent_to|borrower|borrowed_by", "blank:first", "borrower", ("who (has|borrowed|took|is reading) {row}( right now| at the moment|)", "where is my copy of {row}")),
        C("isbn|signature|shelfmark", "form:X00.00", "shelf mark|signature", ("where on the shelf is {row}",)))),
    Family("room", "rooms halls venues spaces", "room list|rooms table|list of rooms", "room", "Aurora|Fjord|Birch|Cedar|Attic|Blue Hall|Vault|Loft|Terrace|Atlas|Studio B|Chapel|Cube|Pavilion|Garden Room", (
        C("seats|capacity|places", "step:6-180", "seats|capacity|number of seats", ("how many (people|persons|guests) (fit|go|can sit) (in|into) (the |){row}", "how big is (the |){row}")), C("floor|level", "int:0-6", "floor", ("(on which|which|what) floor is (the |){row}( on|)",)),
        C("projector|beamer", "cat:yes|no", "projector", ("(does|has) (the |){row} (have|got) a projector", "can we show slides in (the |){row}")), C("price|rate|rent", "step:30-600", "price|rent|rate", _COST), C("contact|keeper|caretaker", "first", "contact|caretaker", _WHO))),
    Family("course", "courses classes workshops lessons timetable", "course list|timetable|course table|class list", "course", "Pottery|Yoga|Watercolor|Spanish I|First Aid|Welding|Jazz Dance|Bookbinding|Sewing|Fencing|Bread Baking|Woodwork|Chess|Life Drawing|Guitar", (
        C("day|weekday", "day", "day|weekday", ("(when|on which day|what day) (is|does|do we have) (the |){row}( class| course| take place|)",)), C("time|start|starts", "clock", "time|starting time", _WHEN), C("teacher|tutor|taught_by", "person", "teacher|tutor", ("who (teaches|gives|runs|leads) (the |){row}( class| course|)",)),
        C("places|max|max_people", "int:6-24", "places|limit", ("how many (can|people can|may) (join|take|attend) (the |){row}",)), C("enrolled|booked|taken", "int:2-24", "bookings|number of people", ("how many (have signed up|are enrolled|are booked|signed up) for (the |){row}",)), C("fee|price", "step:20-240", "fee|price", _COST)),
        ((4, 3, "(which|what) courses (still have|have) (free |)(places|room)( left|)|where can (I|one) still (join|sign up)|which courses are not full( yet|)"),)),
    Family("machine", "machines devices equipment assets servers hosts", "device list|asset list|machine table|equipment list", "device", "lathe|press 2|laser cutter|label printer|forklift|scanner|compressor|bandsaw|kiln|milling machine|ups-1|nas-2|plotter|conveyor|mixer", (
        C("serial|serial_no|sn", "form:XX00000", "serial number|serial", ("which serial is on (the |){row}",)), C("bought|purchased|purchase_date", "date", "purchase date", ("when (was|did) (the |we buy the |we get the |){row}( bought| purchased|)", "how old is (the |){row}")),
        C("next_service|service_due|inspection", "date", "next service|service date|inspection date", ("when (must|does|should) (the |){row} (be serviced|need service|be inspected|go to service)", "when is (the |){row} due( for service|)")), C("owner|keeper|responsible", "first", "owner|person in charge", _WHO),
        C("watts|power_w|power", "step:40-4500", "power|wattage", ("how much power does (the |){row} (draw|need|use)",)), C("place|location|where", "place", "place|location", _WHERE))),
    Family("vehicle", "vehicles fleet cars vans", "vehicle list|fleet table|fleet list|list of cars", "vehicle", "blue van|white van|old truck|Volvo|Transit|Kangoo|Caddy|trailer|cargo bike|minibus|Passat|tractor|pickup", (
        C("plate|license_plate|registration", "form:XX-000-X", "plate|number plate|registration", ("which plate (has|is on) (the |){row}",)), C("km|mileage|odometer", "int:4000-240000", "mileage|kilometers", ("how (far|many kilometers|many km) (has|did) (the |){row} (gone|driven|run|been driven)",)),
        C("inspection|mot_due|tuv", "date", "inspection date|next inspection", ("when (must|does) (the |){row} go to (the |)inspection", "until when is (the |){row} allowed on the road")), C("driver|assigned_to", "first", "driver", ("who (drives|has|uses) (the |){row}",)), C("fuel", "cat:diesel|petrol|electric|hybrid", "fuel", ("what does (the |){row} run on", "what do I fill into (the |){row}")))),
    Family("product", "products prices price_list catalog menu shop", "price list|product list|product table|shop list", "product", "oat bread|rye loaf|cinnamon bun|plum jam|goat cheese|apple juice|elderflower syrup|honey 500 g|hazelnut cake|pickled onions|smoked trout|sea salt|crème fraîche|rosehip tea|malt coffee|mustard|walnut oil", (
        C("price|price_eur|retail", "money:1-40", "price|sale price", _COST), C("weight_g|weight|size_g", "step:50-1500", "weight", ("how heavy is (a |the |){row}", "how many grams has (a |the |){row}")), C("supplier|from|producer", "person", "supplier|producer", ("who (makes|brings|delivers|bakes) (the |){row}", "where does (the |){row} come from")),
        C("stock|left|available", "int:0-120", "stock|amount left", _LEFT), C("allergens|contains", "cat:nuts|gluten|milk|none|celery|eggs", "allergens", ("what (allergens|allergen) (is|are) in (the |){row}", "can someone with allergies eat (the |){row}")))),
    Family("expense", "expenses spending costs ledger cashbook", "expense list|cash book|spending table|expenses", "item", "train to Graz|printer ink|stamps|team lunch|web hosting|paint|parking|domain renewal|window glass|cleaning|coffee beans|flip chart|new locks|translation|taxi", (
        C("amount|cost|eur", "money:3-480", "amount|cost", ("how much (did we spend on|did we pay for|was|were) (the |){row}", "what did (the |){row} cost( us|)")), C("category|type|kind", "cat:travel|office|food|repairs|online|events", "category|type", ("under what did we book (the |){row}",)),
        C("date|paid_on|day", "date", "date|day", ("when did we pay (for |)(the |){row}", "when (was|were) (the |){row} paid")), C("paid_by|who", "first", "payer", ("who paid (for |)(the |){row}", "who (advanced|laid out) the money for (the |){row}")))),
    Family("animal", "animals shelter cats dogs patients pets", "animal list|list of animals|patient list|shelter table", "name", "Mitzi|Bruno|Luna|Pepper|Otto|Fräulein|Rusty|Bella|Simba|Nellie|Fritz|Maple|Toffee|Bjørn|Kiki|Zorro", (
        C("species|kind|animal", "cat:cat|dog|rabbit|goat|parrot|donkey", "species|kind", ("what (kind of animal |sort of animal |animal |)is {row}",)), C("age|years", "int:1-17", "age", ("how old is {row}",)), C("weight_kg|kg|weight", "dec:1-38", "weight", ("how (heavy is|much does) {row}( weigh|)",)),
        C("keeper|owner|carer", "person", "keeper|owner", ("who (owns|looks after|feeds|takes care of) {row}", "whose (animal |)is {row}")), C("last_visit|vaccinated|last_check", "date", "last visit|vaccination date", ("when (was|did) {row} (last |)(seen by the vet|see the vet|get the shot|vaccinated)",)), C("food|diet", "cat:dry food|wet food|hay|grain-free|fish|seeds", "food|diet", ("what does {row} eat", "what (do|should) (I|we) (feed|give) {row}")))),
    Family("booking", "bookings guests reservations arrivals", "guest list|booking list|reservations", "guest", "person", (
        C("room|room_no", "label:1-36", "room|room number", ("(where|in which room|which room) (does|is|will) {row} (stay|sleep|staying)", "where did we put {row}")), C("arrival|from|check_in", "date", "arrival|arrival date", ("when (does|will|did) {row} (arrive|come|check in)",)),
        C("nights", "int:1-14", "nights|number of nights", ("how long (does|will|is) {row} (stay|staying)", "for how many nights is {row} here")), C("persons|people|pax", "int:1-6", "number of people|persons", ("how many (are|people are) (coming|there) with {row}", "for how many people did {row} book")), C("notes|remark|wishes", "blank:phrase", "remark|wish|note", ("(any|what) (special wishes|notes|wishes) (for|from|of) {row}", "anything (special |)(to know |)about {row}")))),
    Family("runner", "results race times finishers ranking", "result list|results|race table|ranking", "runner", "person", (
        C("time|finish", "form:00:00", "time|finishing time", ("how fast (was|ran|did) {row}( run|)", "what time did {row} (run|make|get)")), C("bib|start_no|number", "label:1-400", "bib number|start number", ("which number did {row} wear",)), C("club|team", "cat:TV Lind|Harriers|Nordlys|SC Alto|no club|Road Runners", "club|team", ("who does {row} run for",)), C("category|class", "cat:W30|M30|W40|M40|W50|M50|youth", "category|class", ("(in|for) which class did {row} (start|run)",)))),
    Family("sample", "samples measurements readings probes lab", "sample list|readings|measurement table|lab table", "sample", "well 1|well 2|river north|river south|tap kitchen|tap lab|pond|spring|rain barrel|tank A|tank B|ditch|canal|outlet", (
        C("ph", "dec:4-9", "pH|acidity", ("how (acid|sour) is (the |){row}",)), C("temp_c|temperature|temp", "dec:2-24", "temperature", ("how (warm|cold) is (the |){row}",)), C("nitrate_mg|nitrate", "dec:1-70", "nitrate|nitrate value", ("how much nitrate (is|did we find) in (the |){row}",)), C("taken|sampled|date", "date", "sampling date|date", ("when (was|did we take) (the |){row}( taken| sampled|)",)), C("by|taken_by|collector", "first", "collector|person", ("who (took|collected|drew|measured) (the |){row}( sample|)",)))),
    Family("order", "orders shipments deliveries parcels", "order list|orders|shipment list|delivery list", "order_id", "form:A-0000", (
        C("customer|buyer|for", "person", "customer|buyer", ("(who|whom) is (order |){row} for", "who (ordered|bought|placed) (order |){row}")), C("total|amount|value", "money:8-900", "total|amount", ("how much was (order |){row}", "what is (order |){row} worth")), C("status|state", "cat:packed|shipped|delivered|waiting|cancelled|returned", "status|state", ("(where|how far) is (order |){row}", "what happened to (order |){row}")), C("carrier|via|shipped_with", "cat:DHL|UPS|GLS|post|courier|pickup", "carrier", ("(how|with whom) (was|is|did we send) (order |){row}( sent| shipped|)",)), C("date|ordered|placed", "date", "order date|date", ("when was (order |){row} (placed|made)",)))),
    Family("task", "tasks tickets issues backlog board", "task list|ticket list|task table|board", "task", "fix login form|update logo|rewrite intro|move database|replace hinges|test backup|order chairs|translate menu|paint hallway|clean gutters|renew certificate|print flyers|hire drummer|label boxes", (
        C("owner|assignee|assigned_to", "first", "owner|assignee", ("who (does|is doing|works on|has|took) {row}", "who (will|is going to) {row}", "on whose plate is {row}")), C("due|deadline|due_date", "date", "due date|deadline", ("(until|by) when (must we|should we|do we have to) {row}", "when (is|must) {row} (due|be done|be ready)")), C("priority|prio", "cat:low|medium|high|urgent", "priority", ("how (urgent|important) is {row}",)), C("hours|estimate|effort_h", "int:1-40", "estimate|effort|hours", ("how long (will|does|should) {row} take", "how much work is {row}")), C("status|state", "cat:open|done|blocked|in progress|review", "status|state", ("how far (is|are we with) {row}", "(is|did we) {row} (done|finished)( already|)")))),
    Family("contact", "contacts addressbook suppliers partners vendors", "contact list|address book|supplier list|contacts", "company", "Hoekstra BV|Nordlys AS|Ferrum GmbH|Atelier Ruiz|Łąka Studio|Bäckerei Holm|Kjær & Co|Delta Print|Olive Press|Stone & Daughters|Pixel Barn|Wind Works|Café Perlé|Lindqvist AB", (
        C("contact|person|contact_person", "person", "contact|contact person", ("who (is our contact|do I talk to|do we know|do I ask) at {row}",)), C("phone|tel", "phone", "phone|phone number|number", _CALL), C("email|mail", "email", "mail address|email", _MAIL), C("city|town|place", "city", "city|town", ("where (is|sits) {row}( based| located|)",)), C("terms|payment_days|pay_days", "cat:14|30|45|60", "payment terms|payment days", ("how many days (do we have|have we got) to pay {row}",)))),
    Family("song", "songs setlist repertoire tracks playlist", "song list|set list|track list|repertoire", "title", "Harvest Moonlight|Paper Kites|Slow Tram|Red Barn|Ferry Waltz|Vårvisa|Old Tin Roof|Lowlands|Nattergal|Copper Sun|Letters Home|Milk Train", (
        C("key|tonality", "cat:C|D minor|G|A minor|E flat|F sharp minor", "key", ("what do we play {row} in", "in which key (is|do we play) {row}")), C("length|duration", "form:0:00", "length|duration", ("how long is {row}", "how many minutes is {row}")), C("composer|written_by|by", "person", "composer", ("who (wrote|composed|made) {row}",)), C("bpm|tempo", "int:60-180", "tempo", ("how fast (is|do we play) {row}",)), C("solo|lead|singer", "first", "soloist|singer", ("who (sings|has the solo in|sings lead on) {row}",)))),
    Family("shift", "shifts roster rota duty schedule", "shift plan|roster|duty list|rota", "day", "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday", (
        C("early|morning", "first", "early shift|morning shift", ("who (works|is on|has duty|comes) (on |){row} (morning|early)", "who has the early shift on {row}")), C("late|evening", "first", "late shift|evening shift", ("who (closes|locks up|works late|is on in the evening) (on |){row}", "who has the late shift on {row}")), C("standby|backup", "first", "standby|backup", ("who (jumps in|is on call|is standby) (on |){row}",)), C("opens|open_from", "clock", "opening time", ("when do we open (on |){row}", "from when are we open (on |){row}")))),
    Family("flat", "flats apartments tenants units rent", "tenant list|flat list|rent table|list of flats", "tenant", "person", (
        C("flat|unit|apartment", "form:0X", "flat|apartment", ("where (in the house |)does {row} live", "which flat (is|belongs to) {row}")), C("rent|rent_eur|monthly", "step:320-1400", "rent", ("how much (rent |)does {row} pay( a month|)",)), C("since|moved_in|from", "date", "moving-in date|start", ("since when does {row} live here", "when did {row} move in")), C("area_m2|sqm|area", "int:24-120", "area|size", ("how big is {row}'s (place|flat|home)",)), C("meter|meter_no", "form:00000", "meter number|meter", ("which meter belongs to {row}",)))),
)  # fmt: skip


NOTE = Column("note|notes|remark|comment|info|remarks", "blank:phrase", "note|remark|comment", ("(is there|do we have) (a|any) (note|remark) (for|on|about) {row}", "what (is|was) (noted|remarked) (for|about|on) {row}"))
"""A column of free text, empty in some rows."""


def sheet(m: Maker, path: str, family: Family | None = None) -> Sheet:
    """A table of some family, with 4 to 14 rows, sometimes more, and 2 to 5 columns beside the name."""
    r = m.r
    family = family or r.choice(FAMILIES)
    chosen = sorted(r.sample(range(len(family.columns)), r.randint(min(3, len(family.columns)), len(family.columns))))
    for one, two, _ in family.pairs:
        if r.random() < 0.6:
            chosen = sorted({*chosen, one, two})
    columns: list[Column | None] = [None, *(family.columns[i] for i in chosen)]
    if r.random() < 0.35 and not any("phrase" in family.columns[i].spec for i in chosen):
        columns.insert(r.randint(1, len(columns)), NOTE)
    head = [_cased(r, family.key)] + [r.choice(c.headers.split("|")) for c in columns[1:]]
    key_at, n = 0, r.choice((4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 14, 22))
    names = _names(m, family, n)
    numbered = r.random() < 0.18
    if numbered:
        columns, head, key_at = [None, *columns], [r.choice(("no", "id", "nr", "#")), *head], 1
    mark = ";" if path.endswith(".csv") and r.random() < 0.3 else "\t" if path.endswith(".tsv") else ","
    style = r.choice(DATE_STYLES[:-1])
    rows = []
    for i, name in enumerate(names, 1):
        row = [str(i)] if numbered else []
        cells = [draw(r, m.x, c.spec, style) for c in columns if c]
        rows.append([c.replace(mark, " ") for c in (*row, name, *cells)])
    if r.random() < 0.2:
        head = [h.replace("_", " ").capitalize() for h in head]
    text = "\n".join(mark.join(row) for row in [head, *rows]) + "\n"
    made = Sheet(path, text, "sheet", family=family, mark=mark, head=head, rows=rows, columns=columns, key_at=key_at, style=style)
    if mark == "," and not numbered:
        made.table = Table(family.thing, head, rows)
    return made


def _cased(r, key: str) -> str:
    return key.capitalize() if r.random() < 0.15 else key


def _names(m: Maker, family: Family, n: int) -> list[str]:
    if family.names == "person" or family.names.startswith("form:"):
        made: dict[str, str] = {}
        while len(made) < n:
            name = draw(m.r, m.x, family.names)
            made.setdefault(name.split()[0], name)
        return list(made.values())
    pool = family.names.split("|")
    if pool[0] == "Monday":
        return pool
    return m.r.sample(pool, min(n, len(pool)))
