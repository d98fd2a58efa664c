"""Tables and logs."""

from __future__ import annotations

# ruff: noqa: E501, SIM905  a table of strings is easier to read in one piece
from ..values import CITIES, PRODUCTS
from .base import Fact, File, Maker, Table

_PLANTS = (
    "rose basil tomato fern cactus mint tulip ivy orchid lemon olive sage thyme parsley "
    "lavender pepper cucumber pumpkin"
).split()
_COURSES = (
    "algebra painting yoga chemistry history physics cooking German French pottery dance judo "
    "biology singing chess"
).split()
_BIRDS = (
    "robin heron owl kestrel wren finch stork crane raven magpie gull swift lark eagle"
).split()


def _columns(m: Maker):
    """Thing, its naming column, and the other columns with their makers."""
    x, r = m.x, m.r
    person, product, city = (
        (lambda: x.person(r)),
        (lambda: r.choice(PRODUCTS)),
        (lambda: r.choice(CITIES)),
    )
    number = lambda low, high: lambda: str(r.randint(low, high))  # noqa: E731
    price = lambda: f"{r.randint(0, 400)}.{r.randint(0, 99):02}"  # noqa: E731
    first = lambda: x.person(r).split()[0]  # noqa: E731
    return r.choice((
        ("person", "name", person, {"email": None, "phone": lambda: f"+{r.randint(1, 99)} {r.randint(100, 999)} {r.randint(1000, 99999)}", "city": city, "role": lambda: r.choice(("admin", "editor", "viewer", "developer", "designer", "manager", "tester", "owner", "guest"))}),
        ("person", "name", first, {"age": number(18, 90), "team": lambda: r.choice(("red", "blue", "green", "core", "infra", "data", "web")), "score": number(0, 100)}),
        ("employee", "name", person, {"department": lambda: r.choice(("sales", "support", "engineering", "marketing", "finance", "legal", "HR")), "salary": number(1000, 9900), "start_date": lambda: x.date(r)}),
        ("item", "item", product, {"quantity": number(0, 500), "price": price, "location": lambda: x.code(r)}),
        ("item", "name", product, {"price": price, "stock": number(0, 900), "supplier": lambda: x.word(r).capitalize()}),
        ("order", "order_id", lambda: str(r.randint(1000, 99999)), {"customer": first, "total": price, "status": lambda: r.choice(("open", "paid", "shipped", "cancelled", "returned")), "date": lambda: x.date(r)}),
        ("city", "city", city, {"country": lambda: r.choice(("Germany", "France", "Spain", "Italy", "Japan", "Norway", "Peru", "Egypt", "Canada", "Kenya")), "population": number(1000, 9_000_000), "code": lambda: x.code(r)}),
        ("host", "host", lambda: x.ident(r), {"ip": lambda: x.ip(r), "os": lambda: r.choice(("debian", "ubuntu", "alpine", "windows", "macos")), "memory": number(1, 512)}),
        ("book", "title", lambda: x.words_of(r, 1, 3).capitalize(), {"author": person, "year": number(1850, 2026), "pages": number(40, 1200)}),
        ("student", "student", first, {"math": number(1, 100), "physics": number(1, 100), "grade": lambda: r.choice("ABCDF")}),
        ("expense", "description", lambda: x.words_of(r, 1, 2), {"amount": price, "category": lambda: r.choice(("food", "rent", "travel", "office", "fun", "health")), "date": lambda: x.date(r)}),
        ("entry", x.word(r), lambda: x.ident(r), {x.word(r): lambda: x.value(r), x.word(r) + "_count": number(0, 999)}),
        ("user", "username", lambda: x.word(r) + str(r.randint(1, 99)), {"email": None, "role": lambda: r.choice(("admin", "user", "guest", "moderator")), "active": lambda: r.choice(("yes", "no", "true", "false"))}),
        ("product", "product", product, {"price": price, "stock": number(0, 300), "supplier": lambda: x.person(r), "shelf": lambda: f"{r.choice('ABCDEF')}{r.randint(1, 30)}"}),
        ("guest", "name", person, {"room": number(1, 400), "nights": number(1, 14), "country": lambda: r.choice(("Germany", "Sweden", "Italy", "Japan", "Norway", "Peru", "Kenya")), "note": lambda: x.words_of(r, 1, 4)}),
        ("task", "task", lambda: x.words_of(r, 2, 3), {"owner": first, "status": lambda: r.choice(("open", "done", "blocked", "waiting")), "due": lambda: x.date(r), "hours": number(1, 40)}),
        ("plant", "plant", lambda: r.choice(_PLANTS), {"location": lambda: r.choice(("kitchen", "balcony", "garden", "office", "hall", "greenhouse")), "water_days": number(1, 20), "planted": lambda: x.date(r)}),
        ("trip", "destination", city, {"date": lambda: x.date(r), "cost": price, "days": number(1, 21), "transport": lambda: r.choice(("train", "bus", "plane", "car", "ship"))}),
        ("course", "course", lambda: r.choice(_COURSES), {"teacher": person, "room": lambda: x.code(r), "seats": number(5, 60), "day": lambda: r.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))}),
        ("sensor", "sensor", lambda: r.choice(("roof", "cellar", "kitchen", "garden", "attic", "garage", "hall", "pool", "lab", "gate")), {"type": lambda: r.choice(("temperature", "humidity", "pressure", "motion", "light")), "value": lambda: f"{r.randint(-10, 40)}.{r.randint(0, 9)}", "battery": number(1, 100), "site": city}),
        ("bird", "species", lambda: r.choice(_BIRDS), {"count": number(1, 90), "place": lambda: r.choice(("lake", "forest", "meadow", "harbor", "park", "river")), "observer": first, "date": lambda: x.date(r)}),
        ("entry", "id", lambda: str(r.randint(1, 9999)), {"name": product, "status": lambda: r.choice(("ok", "failed", "pending", "done", "new")), "owner": first}),
    ))  # fmt: skip


_PLURALS = {
    "users", "orders", "items", "employees", "hosts", "books", "students", "expenses", "products",
    "guests", "tasks", "plants", "trips", "courses", "sensors", "birds",
}  # fmt: skip


def csv(m: Maker, path: str) -> File:
    """A table whose first or second column names the row."""
    stem = path.rsplit("/", 1)[-1].split(".")[0]
    for _ in range(12 if stem in _PLURALS else 1):  # users.csv holds users, mostly
        thing, key, name, others = _columns(m)
        if thing + "s" == stem:
            break
    some = m.r.sample(list(others), m.r.randint(1, len(others)))
    columns = [key, *[c for c in others if c in some]]
    if m.chance(0.2) and key != "id" and "id" not in columns:
        columns.insert(0, "id")
    rows, seen = [], set()
    for i in range(m.r.choice([2, 3, 4, 5, 6, 8, 10, 14])):
        label = name().replace(",", "")
        if label.lower() in seen or (
            label.split() and label.split()[0].lower() in seen and thing == "person"
        ):
            continue
        seen |= {label.lower(), label.split()[0].lower()} if label.split() else {label}
        row = {"id": str(i + 1), key: label}
        for column in columns:
            if column not in row:
                maker = others[column]
                row[column] = (
                    (maker() if maker else m.x.email(m.r, label)).replace(",", "").replace('"', "")
                )
        rows.append([row[c] for c in columns])
    mark = "\t" if path.endswith(".tsv") else ","
    text = "\n".join(mark.join(row) for row in [columns, *rows]) + "\n"
    file = File(path, text, "csv", table=Table(thing, columns, rows))
    file.lists["columns"] = file.lists["column names"] = columns
    at = columns.index(key)
    file.lists[f"{thing}s"] = [row[at] for row in rows]
    for row in rows:
        for i, column in enumerate(columns):
            if i != at:
                line = mark.join(row)
                before = mark.join(row[:i]) + mark if i else ""
                after = line[len(before) + len(row[i]) :]
                file.facts.append(
                    Fact(
                        (column.replace("_", " "), column),
                        row[i],
                        line,
                        before,
                        after,
                        section=(
                            row[at],
                            row[at].split()[0] if thing in ("person", "employee") else row[at],
                        ),
                    )
                )
    return file


def jsonl(m: Maker, path: str) -> File:
    """One object a line."""
    lines = []
    for i in range(m.r.randint(2, 8)):
        lines.append(
            f'{{"id": {i + 1}, "name": "{m.x.word(m.r)}", "{m.pick("score", "count", "size")}": {m.r.randint(0, 999)}}}'
        )
    return File(path, "\n".join(lines) + "\n", "jsonl")


_EVENTS = (
    "started",
    "failed",
    "done",
    "timed out",
    "connected",
    "closed",
    "retrying",
    "saved",
    "rejected",
    "accepted",
    "restarted",
    "not found",
    "refused",
    "expired",
    "loaded",
    "lost connection",
)


def log(m: Maker, path: str) -> File:
    """Lines with time, level and message, in one of several forms."""
    form = m.pick(
        "{d} {t} {l} {m}",
        "{d}T{t}Z {l} {m}",
        "{t} {l} {m}",
        "{t} [{l}] {m}",
        "[{d} {t}] {l}: {m}",
        "{d} {t},{ms} - {l} - {m}",
        "{d} {t} {l:<7} {m}",
        "{l} {d} {t} {m}",
    )
    day = f"{m.r.randint(2019, 2027)}-{m.r.randint(1, 12):02}-{m.r.randint(1, 28):02}"
    seconds, levels = (
        m.r.randint(0, 60_000),
        ["INFO"] * 5 + ["WARNING" if m.chance(0.5) else "WARN", "ERROR", "ERROR", "DEBUG"],
    )
    if m.chance(0.2):
        levels = [level.lower() for level in levels]
    file, lines, entries = File(path, "", "log"), [], []
    for _ in range(m.r.choice([3, 5, 6, 8, 10, 14, 20, 30, 30, 70])):
        seconds += m.r.randint(1, 900)
        clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        message = _message(m)
        level = m.r.choice(levels)
        lines.append(
            form.format(d=day, t=clock, l=level, m=message, ms=f"{m.r.randint(0, 999):03}")
        )
        entries.append((clock, level, message, lines[-1]))
    file.text = "\n".join(lines) + "\n"
    file.entries = entries
    return file


def _message(m: Maker) -> str:
    x, r = m.x, m.r
    return m.pick(
        f"{x.word(r)} {r.choice(_EVENTS)}", f"{x.words_of(r, 1, 2)} {r.choice(_EVENTS)} after {r.randint(1, 90)}s",
        f"request {x.path(r)} took {r.randint(1, 9000)} ms", f"user {x.word(r)} {r.choice(('logged in', 'logged out', 'was locked', 'signed up'))}",
        f"connection to {x.host(r)} {r.choice(_EVENTS)}", f"{x.word(r)}: {x.words_of(r, 2, 5)}", f"job {r.randint(1, 9999)} {r.choice(_EVENTS)}",
        f"{x.words_of(r, 1, 2)} id={x.hex(r, 6)}", f"GET {x.path(r)} {r.choice((200, 201, 304, 404, 500, 403))}", f"listening on port {r.randint(1000, 9999)}", f"disk usage at {r.randint(1, 99)}%",
    )  # fmt: skip
