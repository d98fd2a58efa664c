"""Words, names and values, drawn so that nothing is too rare to be copied.

A model this small cannot copy what it never saw copied. So a share of all values is made of
arbitrary entries of the tokenizer's vocabulary, of unicode, of invented words; the rest looks
like what people put into files.
"""

from __future__ import annotations

# ruff: noqa: E501, SIM905  lists of words and long sentences are easier to read in one piece
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from .meanings import MEANT_KEYS

_SYLLABLES = (
    "ba be bi bo da de di do fa fe fi ga go ka ke ki ko la le li lo lu ma me mi mo mu na ne ni no "
    "pa pe po ra re ri ro sa se si so su ta te ti to va ve vi vo xa za zo bra cra dra gra tra kel "
    "mar nor pil quin ster thor ven wick zan"
).split()
FIRST_NAMES = (
    "Anna Bob Carla David Elena Felix Grace Hugo Irene James Karin Leo Maria Nils Olga Paul Quinn "
    "Rosa Sam Tina Uwe Vera Will Xenia Yusuf Zoe Alice Ben Chloe Dan Eva Frank Gina Henry Ivan "
    "Julia Kevin Laura Mike Nora Oscar Petra Ravi Sara Tom Ada Linus Mei José Zoë Søren Ines Björn "
    "Amir Priya Chen Yuki Omar Fatima Lena Max Emma Noah Liam Mia Ella Jack Ruth Carol Dave Erin"
).split()
LAST_NAMES = (
    "Smith Jones Brown Miller Davis Garcia Lopez Wilson Moore Taylor Lee Clark Lewis Walker Hall "
    "Young King Wright Hill Green Baker Nelson Carter Müller Schmidt Rossi Novak Kim Park Sato "
    "Tanaka Singh Patel Khan Silva Costa Dubois Moreau Jensen Larsen Berg Fischer Weber Ivanova "
    "Petrov Kowalski Nagy Okafor Mensah Haddad Cohen O'Brien Murphy Evans Hughes Reed Cook Bell"
).split()
CITIES = (
    "Berlin Paris London Madrid Rome Oslo Vienna Prague Lisbon Dublin Athens Warsaw Helsinki Tokyo "
    "Osaka Seoul Delhi Mumbai Cairo Lagos Nairobi Toronto Boston Chicago Denver Austin Seattle "
    "Portland Lima Quito Bogota Sydney Perth Auckland Zürich Köln München Malmö Gdańsk Turin Lyon "
    "Hamburg Leeds Bristol Geneva Basel Milan Porto Sofia Riga Tallinn Kyoto Busan Hanoi Manila"
).split()
PRODUCTS = (
    "apple bread cheese lamp chair desk pencil notebook mug kettle bolt screw hammer drill cable "
    "monitor keyboard mouse laptop tablet phone charger battery shirt jacket boots hat scarf tent "
    "rope bottle plate spoon knife pan oven fridge clock mirror carpet pillow blanket towel soap "
    "brush paint glue tape paper stapler folder router switch camera lens tripod helmet bicycle "
    "gadget widget sprocket washer gasket valve pump filter hose gear bearing spring motor sensor"
).split()
LEVELS = ("debug", "info", "warning", "error", "DEBUG", "INFO", "WARN", "ERROR", "trace", "warn",
          "critical", "notice", "WARNING", "CRITICAL", "fatal", "verbose", "silent")  # fmt: skip
COMMON_WORDS = (
    "time year people way day man thing woman life child world school state family student group "
    "country problem hand part place case week company system program question work government "
    "number night point home water room mother area money story fact month lot right study book "
    "eye job word business issue side kind head house service friend father power hour game line "
    "end member law car city community name president team minute idea body information back "
    "parent face others level office door health person art war history party result change "
    "morning reason research girl guy moment air teacher force education river garden stone bridge "
    "winter summer orange silver copper marble cotton velvet harbor island forest meadow valley "
    "candle mirror ladder hammer basket bottle button circle corner flower frozen gentle golden "
    "hidden honest lively modern narrow orange purple quiet rapid simple steady sudden tender"
).split()
_UNICODE = (
    "café naïve über señor façade Ångström crème jalapeño Straße piñata déjà smörgåsbord œuvre "
    "привет мир данные данных 東京 日本 你好 世界 한국 مرحبا שלום Ελλάδα καλημέρα ñandú žluťoučký łódź "
    "🙂 🚀 ✅ ⚠️ € £ ° µm → ≤ “quoted” naïveté résumé Zürich ø æ ß ½ № †"
).split()
_TLDS = ("com", "org", "net", "io", "dev", "local", "example", "internal", "test", "eu", "de")


@dataclass
class Lexicon:
    """Where words and odd values come from."""

    words: Sequence[str]
    """Ordinary words, most frequent first."""
    tokens: Sequence[str]
    """Texts of vocabulary entries; empty while there is no tokenizer yet."""
    prose: Sequence[str]
    """Books."""

    @classmethod
    def build(cls, prose: Sequence[str] = (), tokens: Sequence[str] = ()) -> Lexicon:
        """Words by their frequency in the prose, or a short list of ours."""
        counts: Counter[str] = Counter()
        for book in prose[:12]:
            counts.update(re.findall(r"\b[a-z]{3,11}\b", book[:400_000]))
        words = [word for word, n in counts.most_common(4000) if n > 1]
        return cls(words if len(words) > 1000 else COMMON_WORDS, tokens, prose)

    # ------------------------------------------------------------------ words and names

    def word(self, r: Random) -> str:
        """A word; sometimes an invented one."""
        x = r.random()
        if x < 0.72:
            return r.choice(self.words)
        return r.choice(COMMON_WORDS) if x < 0.85 else self.invented(r)

    def invented(self, r: Random) -> str:
        """Syllables that are no word."""
        body = "".join(r.choice(_SYLLABLES) for _ in range(r.randint(2, 4)))
        return body + r.choice(["", "", "n", "r", "s", "th", "x", "l"])

    def words_of(self, r: Random, low: int, high: int) -> str:
        """A few words."""
        return " ".join(self.word(r) for _ in range(r.randint(low, high)))

    def ident(self, r: Random) -> str:
        """A name for a file, a folder, a variable."""
        x = r.random()
        if x < 0.45:
            return self.word(r)
        if x < 0.85:
            return self.word(r) + r.choice("__-") + self.word(r)
        return self.word(r) + r.choice(["", "_", "-"]) + str(r.randint(1, 99))

    def snake(self, r: Random) -> str:
        """A function's or key's name."""
        return "_".join(self.word(r) for _ in range(r.choice([1, 2, 2, 2, 3])))

    def camel(self, r: Random) -> str:
        """A class's name."""
        return "".join(self.word(r).capitalize() for _ in range(r.choice([1, 2, 2])))

    def person(self, r: Random) -> str:
        return f"{r.choice(FIRST_NAMES)} {r.choice(LAST_NAMES)}"

    def sentence(self, r: Random, low: int = 4, high: int = 12) -> str:
        """Some words with a capital and a full stop."""
        text = self.words_of(r, low, high)
        return text[0].upper() + text[1:] + "."

    def passage(self, r: Random, low: int, high: int) -> str:
        """A run of prose in one line, or invented sentences without a corpus."""
        if not self.prose:
            return " ".join(self.sentence(r) for _ in range(max(1, low // 50)))
        book = r.choice(self.prose)
        n = r.randint(low, high)
        start = r.randint(0, max(0, len(book) - n - 1))
        text = book[start : start + n]
        text = text[text.find(" ") + 1 :] if " " in text[:40] else text
        text = text[: text.rfind(" ")] if " " in text else text
        return re.sub(r"\s+", " ", text).strip()

    # ------------------------------------------------------------------ values

    def odd(self, r: Random) -> str:
        """Something no one expects: vocabulary entries, letters, unicode, codes."""
        x = r.random()
        if x < 0.45 and self.tokens:
            text = "".join(r.choice(self.tokens) for _ in range(r.choice([1, 1, 1, 2, 2, 3])))
            if plain(text):
                return text
        if x < 0.55:
            return "".join(r.choice(string.ascii_lowercase) for _ in range(r.randint(3, 8)))
        if x < 0.62:
            letters = string.ascii_letters + string.digits
            return "".join(r.choice(letters) for _ in range(r.randint(6, 20)))
        if x < 0.70:
            word = r.choice([w for w in (r.choice(_UNICODE), "Ω") if plain(w)] or ["é"])
            return r.choice([word, self.word(r) + "-" + word])
        return self.code(r) if x < 0.85 else self.hex(r)

    def hex(self, r: Random, n: int | None = None) -> str:
        return "".join(r.choice("0123456789abcdef") for _ in range(n or r.choice([6, 7, 8, 10, 12])))

    def code(self, r: Random) -> str:
        """Like an order number or a door code."""
        shape = r.choice(["AA-0000", "AAA000", "000-000", "A0000A", "AAAA-AA", "00000", "A-00", "0000"])
        swap = {"A": string.ascii_uppercase, "0": string.digits}
        return "".join(r.choice(swap[c]) if c in swap else c for c in shape)

    def version(self, r: Random) -> str:
        text = f"{r.choice([0, 0, 1, 1, 2, 3, r.randint(4, 30)])}.{r.randint(0, 20)}"
        if r.random() < 0.75:
            text += f".{r.randint(0, 30)}"
        return text + (r.choice(["rc1", "b2", "-beta", ".dev0", "-alpha.1"]) if r.random() < 0.06 else "")

    def host(self, r: Random) -> str:
        x = r.random()
        if x < 0.25:
            return r.choice(["localhost", "127.0.0.1", "0.0.0.0", "db", "redis"])
        if x < 0.5:
            return self.ip(r)
        return f"{self.word(r)}.{self.word(r)}.{r.choice(_TLDS)}" if x < 0.75 else (
            f"{self.word(r)}.{r.choice(_TLDS)}")  # fmt: skip

    def ip(self, r: Random) -> str:
        return ".".join(str(r.randint(1, 254)) for _ in range(4))

    def url(self, r: Random) -> str:
        path = "/".join(self.word(r) for _ in range(r.randint(0, 2)))
        port = f":{r.randint(1000, 9999)}" if r.random() < 0.2 else ""
        return f"http{r.choice(['', 's', 's'])}://{self.host(r)}{port}/{path}".rstrip("/")

    def email(self, r: Random, name: str | None = None) -> str:
        first = (name or self.person(r)).split()[0].lower()
        user = r.choice([first, f"{first}.{self.word(r)}", f"{first}{r.randint(1, 99)}"])
        return f"{user}@{self.word(r)}.{r.choice(_TLDS)}"

    def path(self, r: Random) -> str:
        parts = [self.word(r) for _ in range(r.randint(1, 3))]
        return r.choice(["/", "/", "./", "", "~/", "/var/", "/srv/", "/opt/", "/home/"]) + "/".join(parts)

    def date(self, r: Random) -> str:
        y, m, d = r.randint(2015, 2027), r.randint(1, 12), r.randint(1, 28)
        return r.choice([f"{y}-{m:02}-{d:02}"] * 4 + [f"{d}.{m}.{y}", f"{m}/{d}/{y}"])

    def clock(self, r: Random) -> str:
        return f"{r.randint(0, 23):02}:{r.choice([0, 15, 30, 45, r.randint(0, 59)]):02}"

    def number(self, r: Random) -> str:
        x = r.random()
        if x < 0.3:
            return str(r.choice([0, 1, 2, 3, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 256, 512, 1000]))
        if x < 0.75:
            return str(r.randint(1, 9999))
        if x < 0.85:
            return str(r.randint(10_000, 9_999_999))
        return f"{r.randint(0, 99)}.{r.randint(0, 99)}"

    def value(self, r: Random) -> str:
        """Any single-line value without quotes, commas or hash signs."""
        kinds = (
            (0.24, self.number), (0.06, self.version), (0.22, self.ident), (0.18, self.odd),
            (0.05, self.host), (0.04, self.url), (0.04, self.path), (0.03, self.email),
            (0.04, lambda r: r.choice(["true", "false"])), (0.03, lambda r: r.choice(LEVELS)),
            (0.03, self.date), (0.04, self.person),
        )  # fmt: skip
        x = r.random()
        for share, make in kinds:
            x -= share
            if x < 0:
                return make(r)
        return self.word(r)


def plain(text: str) -> bool:
    """Whether a value can stand in any file format without quoting rules getting in the way."""
    return bool(text) and text == text.strip() and not re.search(r"[\"'`,;#\\:={}\[\]<>|&*!%@\n\t]", text)


_BY_KEY = (
    (r"port$", lambda x, r: str(r.choice([80, 443, 8080, 8000, 3000, 5000, 5432, 6379, 3306, 9090, r.randint(1000, 65000)]))),
    (r"(host|server|domain|endpoint)$", lambda x, r: x.host(r)),
    (r"(url|uri|homepage|link|website|webhook|repository)$", lambda x, r: x.url(r)),
    (r"(version)$", lambda x, r: x.version(r)),
    (r"(level|verbosity)$", lambda x, r: r.choice(LEVELS)),
    (r"(debug|enabled|verbose|ssl|tls|cache|strict|autosave|dark_mode|dry_run|reload|telemetry|notifications)$",
     lambda x, r: r.choice(["true", "false", "true", "false", "yes", "no", "on", "off"])),
    (r"(dir|path|file|folder|directory|root|socket)$", lambda x, r: x.path(r)),
    (r"(email|mail|contact)$", lambda x, r: x.email(r)),
    (r"(author|owner|manager|maintainer|lead)$", lambda x, r: x.person(r)),
    (r"(date|deadline|created|updated|expires|due)$", lambda x, r: x.date(r)),
    (r"(timeout|retries|workers|threads|limit|size|max|min|count|interval|depth|width|height|ttl|connections|epochs|batch|quota|replicas|memory|seed|offset|attempts|delay|length|window|margin)",
     lambda x, r: x.number(r) + (r.choice(["s", "ms", "MB", "m", "h", "GB", "k"]) if r.random() < 0.12 else "")),
    (r"(rate|ratio|threshold|alpha|beta|gamma|dropout|temperature|momentum)$", lambda x, r: f"{r.randint(0, 1)}.{r.randint(0, 999)}"),
    (r"(token|secret|key|password|hash|commit|id)$", lambda x, r: x.odd(r)),
    (r"(language|locale|lang)$", lambda x, r: r.choice("en de fr es it pt nl sv pl ja zh ko en_US de_DE python rust go".split())),
    (r"(theme|color|colour)$", lambda x, r: r.choice("dark light solarized blue green red teal navy orange nord dracula monokai".split())),
    (r"(name|title|label|project|app)$", lambda x, r: x.ident(r)),
    (r"(region|zone|city|location|timezone)$", lambda x, r: r.choice([*CITIES, "eu-west-1", "us-east-2", "Europe/Berlin", "UTC"])),
    (r"(environment|env|mode|stage)$", lambda x, r: r.choice("production staging development test local prod dev release".split())),
    (r"(encoding|format)$", lambda x, r: r.choice("utf-8 utf8 latin-1 ascii json csv xml yaml text binary parquet".split())),
    (r"(engine|driver|backend|database|broker)$", lambda x, r: r.choice("postgres mysql sqlite redis rabbitmq kafka mongodb memcached postgresql mariadb duckdb".split())),
)  # fmt: skip
_BY_KEY = tuple((re.compile(pattern), make) for pattern, make in _BY_KEY)

KEYS = (
    "port host timeout retries log_level cache_dir max_connections api_key token user region threads "
    "batch_size theme language version owner endpoint buffer_size interval queue workers color mode "
    "format encoding database schema bucket limit offset depth width height seed rate quota backend "
    "proxy domain path prefix suffix label channel topic group cluster zone shard replicas memory cpu "
    "disk window margin font_size title author license branch build stage secret password session_ttl "
    "max_size min_size poll_interval data_dir output_dir input_file log_file pool_size base_url "
    "model_name checkpoint epochs learning_rate alpha threshold debug enabled verbose name email "
    "max_retries default_port line_length indent tab_size max_items page_size autosave dark_mode "
    "environment timezone locale currency driver engine charset retry_delay upload_dir max_upload "
    "smtp_host smtp_port db_name db_user db_host cert_file allow_guests rate_limit keep_alive "
    "connect_timeout read_timeout heartbeat compression log_format root_dir static_dir entry_point"
).split()


def key(x: Lexicon, r: Random) -> str:
    """A setting's name."""
    share = r.random()
    if share < 0.36:
        return r.choice(KEYS)
    if share < 0.7:
        return r.choice(MEANT_KEYS)
    return f"{x.word(r)}_{x.word(r)}" if share < 0.94 else x.word(r)


def value_for(x: Lexicon, r: Random, name: str) -> str:
    """A value that fits the name, mostly; sometimes anything, so that copying stays copying."""
    if r.random() < 0.75:
        for pattern, make in _BY_KEY:
            if pattern.search(name.lower()):
                return make(x, r)
    return x.value(r)
