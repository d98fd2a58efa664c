"""One tool call from proposal to result: check, ask, run, and say what happened.

A tool runs on a thread of its own, so that its output can be shown while it comes, and no longer
than the turn. Knows nothing of the model.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from triagent.agent.conversation import Interrupt
from triagent.agent.events import (
    ApprovalAsked,
    Decision,
    Ending,
    Event,
    ToolEnded,
    ToolOutput,
    ToolProposed,
    ToolStarted,
)
from triagent.agent.ports import Allowed, Ask, Denied, Gate, Kind
from triagent.agent.tools import Result, Tool, ToolContext, error_text
from triagent.agent.tools import text as words
from triagent.agent.tools.tool import Proposal, misfit
from triagent.chat import ToolCall
from triagent.errors import ToolError

INTERRUPTED = "interrupted by user"
OUT_OF_TIME = "not run: the time of this turn is over"
DENIED = "denied by the user"


class Approvals:
    """Answers that the loop waits for; they come from another thread, or before it waits."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._answers: dict[str, Decision] = {}

    def answer(self, id: str, decision: Decision) -> None:
        with self._condition:
            self._answers[id] = decision
            self._condition.notify_all()

    def wake(self) -> None:
        """Let a waiting loop look at its cancel flag."""
        with self._condition:
            self._condition.notify_all()

    def wait(self, id: str, interrupt: Interrupt) -> Decision:
        """Wait for the answer; to cancel is to deny. The clock of the turn stands meanwhile."""
        began = time.monotonic()
        with self._condition:
            self._condition.wait_for(lambda: id in self._answers or interrupt.cancel.is_set())
            interrupt.deadline += time.monotonic() - began
            return self._answers.pop(id, Decision.DENY)


@dataclass(frozen=True)
class Answered:
    """A call and what the model will read."""

    call: ToolCall
    text: str
    ok: bool
    changed: tuple[str, ...] = ()
    seconds: float = 0.0
    malformed: bool = False
    """The call could not be run as written."""
    ending: Ending = Ending.RAN
    skipped: bool = False
    """It was not run, because the turn was over."""


class Calls:
    """Runs calls, one after the other."""

    def __init__(
        self,
        tools: Mapping[str, Tool],
        context: ToolContext,
        gate: Gate,
        approvals: Approvals,
        interrupt: Interrupt,
    ) -> None:
        self.tools, self.context, self.gate = tools, context, gate
        self._approvals, self._interrupt = approvals, interrupt

    def run(self, call: ToolCall, skip: str = "") -> Generator[Event, None, Answered]:
        """Everything that becomes of one call; its last event is `ToolEnded`.

        Args:
            skip: why it shall not run; empty: it may.
        """
        if self._interrupt.is_due:
            skip = INTERRUPTED if self._interrupt.cancel.is_set() else OUT_OF_TIME
        if skip:
            answered = Answered(call, skip, False, ending=Ending.STOPPED, skipped=True)
            yield ToolProposed(call, call.name)
        else:
            answered = yield from self._run(call)
        yield ToolEnded(
            call.id,
            answered.ok,
            answered.text,
            answered.seconds,
            answered.changed,
            answered.ending,
        )
        return answered

    def acts(self, name: str) -> bool:
        """Whether a tool can change anything outside the session."""
        tool = self.tools.get(name)
        return tool is not None and tool.kind in (Kind.WRITE, Kind.RUN)

    def _run(self, call: ToolCall) -> Generator[Event, None, Answered]:
        tool = self.tools.get(call.name)
        if problem := self._problem(call, tool):
            yield ToolProposed(call, f"{call.name}: {problem}")
            return Answered(call, error_text(problem), False, malformed=True)
        assert tool is not None
        try:
            proposal = tool.propose(call.arguments, self.context)
        except (ToolError, OSError) as error:
            yield ToolProposed(call, call.name)
            return Answered(call, error_text(str(error)), False)
        yield ToolProposed(call, words.clean(proposal.summary), proposal.diff)
        refusal = yield from self._permission(call, tool, proposal)
        if refusal:
            return Answered(call, error_text(refusal), False, ending=Ending.DENIED)
        return (yield from self._execute(call, tool))

    def _problem(self, call: ToolCall, tool: Tool | None) -> str:
        if tool is None:
            near = words.hint(words.nearest(call.name, self.tools, 1))
            return f'no tool "{call.name}"{near or "; there are " + ", ".join(self.tools)}'
        return call.error or misfit(tool.schema, call.arguments)

    def _permission(
        self, call: ToolCall, tool: Tool, proposal: Proposal
    ) -> Generator[Event, None, str]:
        """Why the call may not run, or nothing."""
        verdict = self.gate.check(call, tool, self.context.workspace)
        if isinstance(verdict, Denied):
            return f"not allowed: {verdict.why}"
        if isinstance(verdict, Allowed):
            return ""
        assert isinstance(verdict, Ask)
        yield ApprovalAsked(
            call.id, call, verdict.parts, verdict.may_always, verdict.why, proposal.diff
        )
        decision = self._approvals.wait(call.id, self._interrupt)
        if decision is Decision.ALWAYS and not verdict.may_always:
            decision = Decision.ONCE
        self.gate.remember(call, decision)
        return DENIED if decision is Decision.DENY else ""

    def _execute(self, call: ToolCall, tool: Tool) -> Generator[Event, None, Answered]:
        yield ToolStarted(call)
        began = time.monotonic()
        lines: queue.SimpleQueue[str | Result] = queue.SimpleQueue()
        context = replace(
            self.context,
            on_output=lines.put,
            cancel=self._interrupt.cancel,
            deadline=self._interrupt.deadline,
        )
        thread = threading.Thread(
            target=lambda: lines.put(_result(tool, call, context)), name=f"tool-{call.name}"
        )
        thread.start()
        while not isinstance(item := lines.get(), Result):
            yield ToolOutput(call.id, item)
        thread.join()
        limit = self.context.output_chars * 5 // 4  # tools clip themselves; this is the backstop
        text = words.clip(item.text, limit)
        is_cut = not item.ok and self._interrupt.is_due
        ending = Ending.STOPPED if is_cut else Ending.RAN
        seconds = time.monotonic() - began
        return Answered(call, text, item.ok, item.changed, seconds, ending=ending)


def _result(tool: Tool, call: ToolCall, context: ToolContext) -> Result:
    """Run a tool; whatever goes wrong in it is for the model to read."""
    try:
        return tool.run(call.arguments, context)
    except (ToolError, OSError) as error:
        return Result(error_text(str(error)), ok=False)
    except Exception as error:  # a fault of ours must not end the session
        return Result(error_text(f"{call.name} failed: {type(error).__name__}: {error}"), ok=False)
