"""A client that hands in, deletes, moves and searches, one request after the other, and keeps the ledger."""

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.torture.ledger import COLLECTIONS, EDITION, Ledger, Source, ledger_of, text_of

TIMEOUT = 60.0  # seconds without an answer from an API that lives
TOGETHER = 3  # documents handed in by one request, at most
PAUSE = 0.04  # seconds between two requests, at most
LOOKS = 2  # sources looked for when the API is back
WAITING = 6  # sources that may wait for the worker: what never answers cannot be lost
KEPT = 1  # that is not deleted: what is gone cannot move
TOP_K = 10
WANTED = 0.6  # of the requests are of the kind that a victim waits for
SEARCHED = ("done", "unchanged")  # what the newest version of a document may be when it answers
Reply = httpx.Response | None


@dataclass(kw_only=True)
class Door:
    """Where the API listens; a new number each time it was started."""

    number: int = 0
    url: str = ""


class Client:
    """``run`` until told to stop. Raises AssertionError for the first promise that is broken."""

    def __init__(self, numbers: list[int], seed: int) -> None:
        self.ledger: Ledger = ledger_of(numbers)
        self.door = Door()
        self.wanted: Mapping[str, str] = {}  # the kind of request that each victim waits for, by its role
        self.counted = Counter[str]()  # requests by their outcome
        self._draw = random.Random(seed)
        self._http: httpx.Client | None = None
        self._at = 0  # the number of the door that the connections belong to
        self._requests = 0

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                door = self.door
                if door.number != self._at:
                    self._enter(door)
                    self._look_around()
                else:
                    if self._http is not None:
                        self._act()
                    stop.wait(self._draw.uniform(0.0, PAUSE))
        finally:
            self._enter(Door())

    def final(self, door: Door) -> None:
        """All is worked off: everything certain is found, nothing that is gone."""
        self._enter(door)
        for source in self._sources():
            self._resolve(source)
            self._find(source, must=True)
        self._enter(Door())

    def _enter(self, door: Door) -> None:
        if self._http is not None:
            self._http.close()
        self._at = door.number
        self._http = None
        if door.url:  # to read certificates would take longer than all the rest
            more: Any = {"trust_env": False, "verify": False}
            self._http = httpx.Client(base_url=door.url, timeout=TIMEOUT, **more)

    def _sources(self) -> list[Source]:
        return list(self.ledger.sources.values())

    # -- requests

    def _act(self) -> bool:
        """One request; False when nobody answered."""
        kinds = ["file", "file", "payload", "again", "earlier", "delete", "move", "describe", "search"]
        kind = self._draw.choice(kinds)
        if self.wanted and self._draw.random() < WANTED:
            kind = self._draw.choice(list(self.wanted.values()))
        self._requests += 1
        waiting = sum(one.document is not None and not one.settled for one in self._sources())
        if kind in ("file", "payload", "again", "earlier") and waiting > WAITING:
            return self._find(self._draw.choice(self._sources()))
        match kind:
            case "file" | "payload":
                return self._hand_in(kind, [])
            case "again" | "earlier":
                return self._repeat(kind)
            case "search":
                return self._find(self._draw.choice(self._sources()))
        settled = [one for one in self._sources() if one.settled and one.doubt is None]
        if not settled or (kind == "delete" and len(settled) <= KEPT):
            return self._find(self._draw.choice(self._sources()))
        source = self._draw.choice(settled)
        return {"delete": self._delete, "move": self._move, "describe": self._describe}[kind](source)

    def _repeat(self, kind: str) -> bool:
        """The same bytes once more, as after a request without an answer; or a change that is taken back."""
        known = [one for one in self._sources() if one.certain is not None and one.doubt is None]
        if not known:
            return self._hand_in("file", [])
        source = min(self._draw.sample(known, min(4, len(known))), key=lambda one: one.touched)
        edition, form = source.certain, "file" if source.file else "payload"
        assert edition is not None
        if kind == "earlier" and not self._hand_in(form, [(source, self._draw.randrange(10**9))]):
            return False
        return self._hand_in(form, [(source, edition)])

    def _hand_in(self, kind: str, chosen: list[tuple[Source, int]]) -> bool:
        collection = chosen[0][0].collection if chosen else self._draw.choice(COLLECTIONS)
        if not chosen:
            mine = [
                one
                for one in self._sources()
                if one.file == (kind == "file") and one.collection == collection and one.doubt != "move"
            ]
            number = min(len(mine), self._draw.randint(1, TOGETHER))
            chosen = [(one, self._draw.randrange(10**9)) for one in self._draw.sample(mine, number)]
        if not chosen:
            return True
        for source, edition in chosen:
            self.ledger.handed_in(source, edition)
            source.touched = self._requests
        if kind == "file":
            files = [
                ("file", (source.name, text_of(source.number, edition).encode(), "text/plain"))
                for source, edition in chosen
            ]
            reply = self._send("POST", "/ingest", files=files, data={"collection": collection})
        else:
            payloads = [
                {"id": source.name, "text": text_of(source.number, edition)} for source, edition in chosen
            ]
            body = {"collection": collection, "payloads": payloads}
            reply = self._send("POST", "/ingest", json=body)
        if reply is None:
            return False
        assert reply.status_code == 202, reply.text
        for (source, edition), told in zip(chosen, reply.json()["documents"], strict=True):
            self.ledger.acknowledged(source, edition, told["document_id"])
        return True

    def _delete(self, source: Source) -> bool:
        self.ledger.deleting(source)
        reply = self._send("DELETE", f"/documents/{source.document}")
        if reply is None:
            return False
        assert reply.status_code == 204, reply.text
        self.ledger.deleted(source)
        source.collection = self._draw.choice(COLLECTIONS)
        return True

    def _move(self, source: Source) -> bool:
        target = next(one for one in COLLECTIONS if one != source.collection)
        source.doubt = "move"
        reply = self._send("PATCH", f"/documents/{source.document}", json={"collection": target})
        if reply is None:
            return False
        source.doubt = None
        assert reply.status_code in (200, 409), reply.text  # 409: it is being read
        if reply.status_code == 200:
            source.collection = target
        return True

    def _describe(self, source: Source) -> bool:
        tags = (f"tag-{self._draw.randrange(10**9)}",)
        source.tags.add(tags)
        reply = self._send("PATCH", f"/documents/{source.document}", json={"tags": list(tags)})
        if reply is None:
            return False
        assert reply.status_code == 200, reply.text
        source.tags = {tags}
        return True

    # -- what is there

    def _look_around(self) -> None:
        """The API is back: what got no answer is looked up, and some of the rest is searched for."""
        for source in self._sources():
            if source.doubt in ("deletion", "move") and not self._resolve(source):
                return
        for source in self._draw.sample(self._sources(), LOOKS):
            if not self._find(source):
                return

    def _resolve(self, source: Source) -> bool:
        """What a request without an answer came to; False when nobody answered."""
        if source.doubt not in ("deletion", "move"):
            return True
        reply = self._send("GET", f"/documents/{source.document}")
        if reply is None:
            return False
        if source.doubt == "deletion" and reply.status_code == 404:
            self.ledger.deleted(source)
            return True
        assert reply.status_code == 200, f"what was acknowledged of {source.number} is lost: {reply.text}"
        source.collection = reply.json()["collection"]
        self.ledger.not_deleted(source)
        return True

    def _find(self, source: Source, *, must: bool = False) -> bool:
        """Search for a source: what is certain and done must be found, in the end whatever is certain."""
        edition, ready = source.certain, False
        if edition is not None and source.doubt is None:
            reply = self._send("GET", f"/documents/{source.document}")
            if reply is None:
                return False
            assert reply.status_code == 200, f"what was acknowledged of {source.number} is lost: {reply.text}"
            seen = reply.json()
            assert seen["status"] != "failed", seen
            assert tuple(seen["tags"]) in source.tags, f"tags of {source.number}: {seen['tags']}"
            assert seen["collection"] == source.collection, f"{source.number} lies in {seen['collection']}"
            ready = seen["status"] in SEARCHED
            assert ready or not must, seen
        old = sorted({one for one in source.allowed | source.earlier if one is not None})
        asked = edition if edition is not None else old[0] if old else 0
        question = f"edition {asked} of the timetable of ferry {source.number}"
        found = self._search(question, source.collection)
        if found is None:
            return False
        if ready:
            self.ledger.done(source)
            texts = {(int(one), int(number)) for _, text in found for one, number in EDITION.findall(text)}
            assert (edition, source.number) in texts, f"what was acknowledged of {source.number} is lost"
        self.ledger.require_fit(found)
        return True

    def _search(self, question: str, collection: str) -> list[tuple[str, str]] | None:
        body = {"question": question, "collection": collection, "top_k": TOP_K}
        reply = self._send("POST", "/search", json=body)
        if reply is None:
            return None
        assert reply.status_code == 200, reply.text
        return [(one["document_id"], one["text"]) for one in reply.json()["sources"]]

    def _send(self, method: str, path: str, **more: Any) -> Reply:
        """None when there was no answer, or one that says that it was not the time to ask (503)."""
        assert self._http is not None
        begun = time.monotonic()
        try:
            reply = self._http.request(method, path, **more)
        except httpx.TransportError:
            took = time.monotonic() - begun
            assert took < TIMEOUT, f"{method} {path} got no answer in {took:.0f} s from an API that lives"
            self.counted["no answer"] += 1
            self._enter(Door(number=self._at))  # nobody is there until the door has a new number
            return None
        self.counted[f"{reply.status_code}"] += 1
        return None if reply.status_code == 503 else reply
