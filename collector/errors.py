"""Every error that Epicenter raises on purpose.

EpicenterError                what the user can mend; printed as one sentence, exit code 2
├── UnreadableInput           a file, a line or a column that cannot be read (also a ValueError)
├── UnwritableOutput          a folder that cannot be written, at all or to its end (also an OSError)
├── UsageError                a name, a time or an option that means nothing here (also a ValueError)
├── MissingTool               an outside program or extra that a feature needs (also a RuntimeError)
├── WorkerKilled              a process of ours that something outside ended (also a RuntimeError)
├── Refused                   a server that is asked for telemetry does not give it
│   └── Unreachable           for it is not there, or no longer
├── UnreadableRequest         an export request that will never be readable (also a ValueError)
│   └── OversizedRequest      one that is greater than is taken
└── Unavailable               something that is wanted cannot be taken now, and may be sent again
    ├── Overloaded            too much waits already
    └── JournalFailed         the system refuses to write what must be durable (also an OSError)
        └── DiskFull          for want of room

The tree stands in the collector because nothing imports upwards; users import it
from ``epicenter``. Anything else that escapes is a bug and is shown as one.
All of them can be pickled: a worker process raises them in the one that asked.
"""

from functools import partial


class EpicenterError(Exception):
    """The base of all errors that a user can act on; its text is one sentence."""


class UnreadableInput(EpicenterError, ValueError):
    """Names the file, the line or column where there is one, and the rule that was broken."""

    def __init__(self, path: object, rule: str, *, line: int | None = None, column: str | None = None) -> None:
        self.path, self.rule, self.line, self.column = str(path), rule, line, column
        where = self.path
        if line is not None:
            where += f", line {line}"
        if column is not None:
            where += f", column {column}"
        super().__init__(f"{where}: {rule}")

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), line=self.line, column=self.column), (self.path, self.rule)


class UnwritableOutput(EpicenterError, OSError):
    """Names the folder and says why; nothing that was begun is left."""

    def __init__(self, path: object, why: str) -> None:
        self.path, self.why = str(path), why
        super().__init__(f"{path}: cannot be written ({why})")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.why)


class UsageError(EpicenterError, ValueError):
    """Something asked for that does not exist or is out of range."""


class MissingTool(EpicenterError, RuntimeError):
    """Something outside Epicenter is needed and was not found; the text says how to get it."""


class WorkerKilled(EpicenterError, RuntimeError):
    """A process that shared the work was ended from outside, and took with it what was not done yet."""


class Refused(EpicenterError):
    """Names the server and says why it gives nothing.

    too_much: it may give less at a time. said: its own words, or its last. timed_out: it took longer than there was
    patience. during: what was under way.
    """

    def __init__(
        self, why: str, *, too_much: bool = False, said: str = "", timed_out: bool = False, during: str = ""
    ) -> None:
        self.too_much, self.said, self.timed_out, self.during = too_much, said, timed_out, during
        super().__init__(why)


class Unreachable(Refused):
    """A server that does not answer, or that did not start."""


class UnreadableRequest(EpicenterError, ValueError):
    """An export request that is no OTLP, and will not be when it is sent again."""


class OversizedRequest(UnreadableRequest):
    """An export request of more bytes than are taken, as it came or unpacked."""


class Unavailable(EpicenterError):
    """What was sent was not taken and may be sent again, after `retry_after_s` seconds at the earliest."""

    retry_after_s = 1.0


class Overloaded(Unavailable):
    """More is coming in than can be dealt with."""


class JournalFailed(Unavailable, OSError):
    """Has the system's error number and words; nothing of what was to be written is kept."""

    retry_after_s = 4.0  # SDKs give up at once if it is longer than the 10 s that they have

    def __init__(self, number: int, why: str) -> None:
        self.why = why
        OSError.__init__(self, number, f"the journal cannot be written ({why})")

    def __str__(self) -> str:
        return str(self.strerror)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.errno, self.why)


class DiskFull(JournalFailed):
    """The disk, the quota or the greatest size of a file leaves no room."""
