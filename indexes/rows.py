"""The rows of a derived index: positions 0..n-1 in the order of adding, the id of each, and which live."""

from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


class Rows:
    def __init__(self, ids: Ids | None = None, alive: Mask | None = None) -> None:
        self.ids = np.empty(0, np.int64) if ids is None else ids
        self.alive = np.ones(len(self.ids), np.bool_) if alive is None else alive
        self.dead = int((~self.alive).sum())

    def __len__(self) -> int:
        """Tombstones included."""
        return len(self.ids)

    @property
    def live(self) -> int:
        return len(self.ids) - self.dead

    def retire(self, removed: Ids) -> None:
        dead = np.unique(self.positions(removed))
        dead = dead[self.alive[dead]]
        self.alive[dead] = False
        self.dead += len(dead)

    def fresh(self, added: Ids) -> Mask:
        """Those that are not there yet: a replay that was broken off comes again from its start."""
        if len(added) and len(self.ids) and added.min() <= self.ids.max():
            return np.asarray(~np.isin(added, self.ids))
        return np.ones(len(added), np.bool_)

    def append(self, added: Ids) -> None:
        self.ids = np.concatenate([self.ids, added])
        self.alive = np.concatenate([self.alive, np.ones(len(added), np.bool_)])

    def passing(self, allowed: Ids | None) -> Mask:
        """[n], true for what lives and is allowed; not to be written to."""
        if allowed is None:
            return self.alive
        mask = np.zeros_like(self.alive)
        mask[self.positions(allowed)] = True
        mask &= self.alive
        return mask

    def positions(self, ids: Ids) -> Positions:
        """Where known ids stand. Ids come in ascending order; a stray one out of order costs a sort."""
        if not len(ids) or not len(self.ids):
            return np.empty(0, np.intp)
        order = None if bool(np.all(self.ids[:-1] <= self.ids[1:])) else np.argsort(self.ids)
        at = np.searchsorted(self.ids, ids, sorter=order)
        at = np.minimum(at, len(self.ids) - 1)
        if order is not None:
            at = order[at]
        return np.asarray(at[self.ids[at] == ids])

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {"ids": self.ids, "alive": self.alive.astype(np.uint8)}

    @classmethod
    def from_state(cls, state: dict[str, npt.NDArray[Any]]) -> "Rows":
        """Raises ValueError when the parts do not fit together."""
        if len(state["ids"]) != len(state["alive"]):
            raise ValueError("the snapshot's parts do not fit together")
        return cls(state["ids"].astype(np.int64), state["alive"].astype(np.bool_))
