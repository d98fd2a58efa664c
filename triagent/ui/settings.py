"""The settings screen, made from the config's own fields and the lines below them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.widgets import Input, OptionList

from triagent import settings
from triagent.config import Config
from triagent.errors import ConfigError
from triagent.settings import Setting
from triagent.ui.panels import ListScreen

if TYPE_CHECKING:
    from triagent.ui.app import TriagentApp

AT_ONCE = ("ui.theme", "ui.motion", "ui.notify")
"""Settings that take effect without a restart."""
HIDDEN = ("ui.keys", "workspace", "offline")
"""Not to be changed here: the first is a table, the others belong to one run."""


def shown_settings() -> list[Setting]:
    """Every setting that can be changed on the screen."""
    return [setting for setting in settings.settings() if setting.key not in HIDDEN]


def parsed(setting: Setting, text: str) -> Any:
    """A checked value from what was typed; nothing or "default" is the default.

    Raises:
        ConfigError: a wrong type, or a value out of range.
    """
    text = text.strip()
    if text.lower() in ("", "default", "none"):
        return setting.default
    try:
        config = settings.load({}, {setting.variable: text}).config
    except ConfigError as error:
        raise ConfigError(str(error).replace(setting.variable, setting.key)) from error
    return settings.get(config, setting.key)


def changed(config: Config, key: str, value: Any) -> Config:
    """The config with one value changed."""
    return settings.build({**settings.values(config), key: value})


class SettingsScreen(ListScreen):
    """Each setting with its value; Enter changes it."""

    HEAD = "Settings"
    KEYS = "Enter change · Ctrl+R back to default · Esc back"
    BINDINGS: ClassVar = [Binding("ctrl+r", "reset", "Default", priority=True)]
    app: TriagentApp

    def __init__(self, config: Config, known: Sequence[Setting] | None = None) -> None:
        """`known` None: every setting there is."""
        super().__init__()
        self._config = config
        self._known = shown_settings() if known is None else known
        self._shown: list[Setting] = []
        self._editing: Setting | None = None
        self._part = ""

    def on_mount(self) -> None:
        """List all."""
        self.search.focus()
        self.refill()
        self.describe()

    def refill(self) -> None:
        """Rows that hold what was typed."""
        part = self.search.value.lower() if self._editing is None else ""
        self._shown = [s for s in self._known if part in (s.key + s.about).lower()]
        self.fill(self._line(setting) for setting in self._shown)

    def _line(self, setting: Setting) -> Text:
        value = self._value(setting)
        own = "" if value == setting.default else " *"
        shown = "default" if value is None else str(value)
        return self.line(setting.key, shown + own, setting.about)

    def _value(self, setting: Setting) -> Any:
        return settings.get(self._config, setting.key)

    @property
    def _setting(self) -> Setting | None:
        at = self.rows.highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def describe(self) -> None:
        """The whole line of the chosen one."""
        setting = self._setting
        if setting is not None and self._editing is None:
            default = "none" if setting.default is None else setting.default
            self.note(f"{setting.about}\n{setting.takes}; default: {default}")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while typing."""
        if self._editing is None:
            self.refill()
            if event.value != self._part:
                self._part = event.value
                self.describe()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: begin to change, or take the new value."""
        if self._editing is None:
            self._edit()
        else:
            self._take(self._editing, event.value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Change by mouse."""
        self._edit()

    def _edit(self) -> None:
        setting = self._setting
        if setting is None:
            return
        if isinstance(self._value(setting), bool):
            self._set(setting, not self._value(setting))
            return
        self._editing = setting
        value = self._value(setting)
        self.type_in("" if value is None else str(value))
        self.note(f"new value of {setting.key}, then Enter; Esc leaves it\n{setting.about}")

    def _take(self, setting: Setting, text: str) -> None:
        try:
            value = parsed(setting, text)
        except ConfigError as error:
            self.note(str(error))
            return
        self._editing = None
        self.search.value = self._part
        self._set(setting, value)

    def _set(self, setting: Setting, value: Any) -> None:
        config = changed(self._config, setting.key, value)
        kept = "for this run only"
        if self.app.services.save_config is not None:
            try:
                kept = f"written to {self.app.services.save_config(config, self._config)}"
            except (ConfigError, OSError) as error:
                self.note(f"not changed: {error}")
                return
        self._config = config
        self.app.take_config(config)
        when = "" if setting.key in AT_ONCE else "; takes effect at the next start"
        self.refill()
        self.note(f"{setting.key} = {value}: {kept}{when}")

    def action_reset(self) -> None:
        """Back to the default."""
        setting = self._setting
        if setting is not None and self._editing is None:
            self._set(setting, setting.default)

    def action_back(self) -> None:
        """Leave the change, or the screen."""
        if self._editing is not None:
            self._editing = None
            self.search.value = self._part
            self.refill()
            self.describe()
        else:
            self.dismiss()
