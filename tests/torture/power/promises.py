"""What had been promised when the power failed, and whether what was found keeps it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

Key = tuple[str, int]  # tenant, source
Editions = dict[Key, int]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a service that is started on a disk finds there."""

    problems: list[str]  # that need no knowledge of what was promised
    answered: Editions = field(default_factory=dict)  # what answers at once
    settled: Editions = field(default_factory=dict)  # what answers when all that waits is worked off
    seqs: dict[str, int] = field(default_factory=dict)  # by tenant
    snapshots: dict[str, int] = field(default_factory=dict)  # by tenant, the seq of the one that is used
    adapters: dict[str, str] = field(default_factory=dict)  # name -> sha256 of what its folder holds
    backups: dict[int, Editions] = field(default_factory=dict)  # by number, of those that can be restored
    restored: Editions | None = (
        None  # what is in the place that was restored into; None where it is not whole
    )
    legible: set[int] = field(default_factory=set)  # editions whose number stands in some file


@dataclass(kw_only=True)
class Promises:
    accepted: Editions = field(default_factory=dict)
    answered: Editions = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)
    snapshots: dict[str, int] = field(default_factory=dict)
    adapters: dict[str, str] = field(default_factory=dict)
    backups: dict[int, Editions] = field(default_factory=dict)
    restored: Editions | None = None
    purged: set[int] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)
    _waiting: dict[int, Key] = field(default_factory=dict)  # editions that have yet to be worked off
    _under_way: list[dict[str, Any]] = field(default_factory=list)  # begun, perhaps done, without an answer

    def mark(self, line: str) -> None:
        state, content = line.split(" ", 1)
        about = json.loads(content)
        what, key = about["what"], (about.get("tenant"), about.get("source"))
        if state == "begun":
            self._under_way.append(about)
        else:
            begun = next(one for one in self._under_way if one.items() <= about.items())
            self._under_way.remove(begun)
        if what == "submit":
            self._seen.add(about["edition"])
        if state == "begun":
            if what == "purge":
                self.snapshots.clear()  # those that hold what was deleted may go now
            return
        if what == "submit":
            self.accepted[key] = about["edition"]
            self._waiting[about["edition"]] = key
        elif what == "work":
            self.answered[key] = about["edition"]
            self.seqs[about["tenant"]] = about["seq"]
            self._waiting.pop(about["edition"], None)
        elif what == "delete":
            self.accepted.pop(key, None)
            self.answered.pop(key, None)
            self._waiting = {edition: of for edition, of in self._waiting.items() if of != key}
        elif what == "save":
            self.snapshots |= {tenant: seq for tenant, seq in about["saved"].items() if seq is not None}
        elif what == "purge":
            wanted = {*self.accepted.values(), *self.answered.values(), *self._waiting}
            self.purged |= self._seen - wanted
        elif what == "adapter":
            self.adapters[about["name"]] = about["sha256"]
        elif what == "backup":
            self.backups[about["number"]] = dict(self.answered)
        elif what == "restore":
            self.restored = self.backups[about["number"]]

    def broken(self, found: Found) -> list[str]:
        """What of it is not so; empty when all is well."""
        return [*found.problems, *self._texts(found), *self._derived(found)]

    def _texts(self, found: Found) -> Iterator[str]:
        for name, promised, there, changes in (
            ("answers", self.answered, found.answered, "work"),
            ("will answer", self.accepted, found.settled, "submit"),
        ):
            for key in sorted({*promised, *there}):
                allowed = {promised.get(key), *self._maybe(key, changes)}
                if there.get(key) not in allowed:
                    yield f"{key}: {there.get(key)} {name}, and not one of {allowed}"
        for edition in sorted(self.purged & found.legible):
            yield f"the purged edition {edition} can be read"

    def _derived(self, found: Found) -> Iterator[str]:
        for name, least, are in (
            ("seq", self.seqs, found.seqs),
            ("snapshot", self.snapshots, found.snapshots),
        ):
            for tenant, seq in least.items():
                if are.get(tenant, -1) < seq:
                    yield f"the {name} of {tenant} is {are.get(tenant)} and was {seq}"
        for adapter, sha256 in self.adapters.items():
            if found.adapters.get(adapter) != sha256:
                yield f"adapter {adapter} is {found.adapters.get(adapter)} and was {sha256}"
        for number, editions in self.backups.items():
            if found.backups.get(number) != editions:
                yield f"backup {number} holds {found.backups.get(number)} and held {editions}"
        if self.restored is not None and found.restored != self.restored:
            yield f"what was restored holds {found.restored} and held {self.restored}"

    def _maybe(self, key: Key, changes: str) -> Iterator[int | None]:
        """What may be there in place of what was promised, for it was under way."""
        for now in self._under_way:
            if (now.get("tenant"), now.get("source")) == key:
                if now["what"] == changes:
                    yield now["edition"]
                elif now["what"] == "delete":
                    yield None

    def worked_off(self) -> "Promises":
        """When nothing waits any more: what was accepted answers."""
        handed_in = [{**one, "what": "work"} for one in self._under_way if one["what"] == "submit"]
        return replace(self, answered=self.accepted, _under_way=[*self._under_way, *handed_in])


def promised(marks: Iterable[str]) -> Promises:
    made = Promises()
    for line in marks:
        made.mark(line)
    return made
