"""A chat template comes with a stranger's file: it is rendered, but never trusted."""

from __future__ import annotations

import os
import sys
from datetime import datetime

import pytest

from triagent.engine import render
from triagent.engine.render import Refused, Renderer
from triagent.engine.template import Template
from triagent.errors import ModelError

BILLION = (
    "{% set ns = namespace(x='0123456789abcdef') %}"
    + "{% for i in range(27) %}"
    + ("{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}")
)
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
HOSTILE = {
    "endless loops": (ENDLESS, "for over 0.5 s"),
    "a gigabyte by doubling": (BILLION, "builds more text|ran out of memory"),
    "a gigabyte by multiplying": ("{{ 'x' * 3000000000 }}", "builds more text"),
    "a gigabyte by formatting": ("{{ '%3000000000d' % 1 }}", "builds more text"),
    "a gigabyte by a filter": ("{{ 'x' | center(3000000000) }}", "builds more text"),
    "many small pieces": ("{% for i in range(99999) %}{{ 'x' * 999 }}{% endfor %}", "builds more"),
    "a range without end": ("{% for i in range(10 ** 12) %}{% endfor %}", "Range too big"),
    "calls without end": ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "without end"),
    "classes": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "reaches for Python"),
    "globals": ("{{ raise_exception.__globals__['json'] }}", "reaches for Python"),
    "format walks": ("{{ '{0.__class__.__mro__}'.format(1) }}", "reaches for Python"),
    "no template at all": ("{% if %}", "line 1"),
}


@pytest.fixture
def renderer():
    # Long enough for a busy machine; only what never ends is given less.
    with Renderer(datetime(2026, 5, 4, 3, 2), deadline_s=60.0) as renderer:
        renderer.render("warm")
        yield renderer


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_template_is_one_clear_error(renderer, kind):
    source, reason = HOSTILE[kind]
    if "0.5 s" in reason:
        renderer.deadline_s = 0.5
    with pytest.raises((ModelError, Refused), match=reason):
        renderer.render(source)


@pytest.mark.parametrize("kind", ["classes", "many small pieces", "no template at all"])
def test_no_model_is_made_of_a_hostile_template(renderer, kind):
    with pytest.raises(ModelError, match="chat template cannot be used"):
        Template.from_model(HOSTILE[kind][0], "", "", renderer=renderer)


def test_the_next_template_renders_after_one_was_stopped(renderer):
    renderer.deadline_s = 0.5
    with pytest.raises(ModelError):
        renderer.render(ENDLESS)
    renderer.deadline_s = 60.0
    assert renderer.render("{{ 1 + 1 }}") == "2"


def test_a_template_that_is_slow_every_time_is_refused_in_the_end(monkeypatch):
    monkeypatch.setattr(render, "SLOW_S", 0.0)
    monkeypatch.setattr(render, "MAX_SLOW_S", 0.0)
    with Renderer() as renderer, pytest.raises(ModelError, match="to render"):
        renderer.render("x")


def test_a_worker_that_somebody_ended_is_started_again(renderer):
    renderer._worker.kill()
    renderer._worker.wait()
    assert renderer.render("{{ 2 + 2 }}") == "4"


def test_a_template_has_no_clock_but_the_sessions(renderer):
    assert renderer.render("{{ strftime_now('%d %b %Y') }}") == "04 May 2026"


def test_the_dialect_is_that_of_published_templates(renderer):
    source = (
        "{%- generation %}{{ x | tojson }}{% endgeneration %}\n"
        "  {% for i in range(9) %}\n{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}"
    )
    assert renderer.render(source, x={"a": "<é>"}) == '{"a": "<é>"}01'


def test_a_template_may_refuse_a_conversation(renderer):
    with pytest.raises(Refused, match="roles must alternate"):
        renderer.render("{{ raise_exception('roles must alternate') }}")


def test_modules_in_the_folder_one_works_in_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "jinja2.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    with Renderer() as renderer:
        assert renderer.render("{{ 'safe' }}") == "safe"


@pytest.mark.parametrize("name", ["os", "sys", "environ", "open", "import"])
def test_a_template_learns_nothing_of_its_surroundings(renderer, name):
    assert renderer.render("{{ " + name + " is defined }}") == "False"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_closing_leaves_no_process_and_no_descriptor_behind():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with Renderer() as renderer:
            renderer.render("x")
            worker = renderer._worker
        assert worker.poll() is not None
    assert len(os.listdir("/proc/self/fd")) == before
