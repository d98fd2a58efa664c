"""From events to the meter's status: a pure step function."""

from __future__ import annotations

from dataclasses import replace

from triagent.agent import events as ev
from triagent.ui.meter import Status
from triagent.ui.worker import OCCUPYING, Done, Failed, Item, Loading, Opened


def after(status: Status, item: Item) -> Status:
    """The status once `item` has happened."""
    match item:
        case Loading(text, share):
            return replace(status, phase=text, busy=True, share=share, rate_tps=0.0)
        case Opened(agent=agent, cache=cache):
            return replace(
                idle(status),
                phase="opening",
                busy=True,
                model=agent.info.name,
                mode=agent.mode,
                confinement=agent.confinement,
                cache=cache,
            )
        case Failed():
            return replace(idle(status), phase="stopped")
        case Done(during) if during in OCCUPYING:
            return idle(status)
        case ev.TurnStarted():
            return replace(status, phase="starting", busy=True, share=None, rate_tps=0.0)
        case ev.StepStarted():
            return replace(status, phase="reading", busy=True, share=None, rate_tps=0.0)
        case ev.Prefilling(n_done, n_total, tps):
            share = n_done / n_total if n_total else 1.0
            return replace(status, phase="reading", busy=True, share=share, rate_tps=tps)
        case ev.AnswerText():
            return _speaking(status, "writing")
        case ev.ThinkingText():
            return _speaking(status, "thinking")
        case ev.CallText():
            return _speaking(status, "calling a tool")
        case ev.CacheChanged(cache):
            return replace(status, cache=cache)
        case ev.ApprovalAsked():
            return replace(status, phase="asks you", busy=True, share=None, rate_tps=0.0)
        case ev.ToolStarted(call):
            phase = f"running {call.name}"
            return replace(status, phase=phase, busy=True, share=None, rate_tps=0.0)
        case ev.StepDone(_, usage):
            return replace(status, share=None, rate_tps=usage.decode_tps)
        case ev.TurnEnded(usage=usage, cache=cache):
            ended = replace(idle(status), rate_tps=usage.decode_tps)
            return replace(ended, cache=cache or status.cache)
        case _:
            return status


def idle(status: Status) -> Status:
    """Nothing is going on."""
    return replace(status, phase="ready", busy=False, share=None, rate_tps=0.0)


def _speaking(status: Status, phase: str) -> Status:
    if status.phase == phase:
        return status
    return replace(status, phase=phase, busy=True, share=None, rate_tps=0.0)
