"""Where things lie: below a root that is there before anything is begun."""

from dataclasses import dataclass
from pathlib import Path

TENANTS = ("default", "other")


@dataclass(frozen=True, kw_only=True)
class Places:
    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def url(self) -> str:
        """In a folder of its own: what SQLite syncs there must not make up for what others forget, for on
        PostgreSQL nothing would."""
        return f"sqlite:///{self.database}"

    @property
    def database(self) -> Path:
        return self.root / "database" / "simurgh.db"

    @property
    def files(self) -> Path:
        return self.data / "files"

    @property
    def adapters(self) -> Path:
        return self.data / "adapters"

    @property
    def snapshots(self) -> Path:
        return self.data / "snapshots"

    @property
    def jobs(self) -> Path:
        """Where the worker keeps what it has been handed: what is lost of it is handed over again."""
        return self.data / "jobs.db"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def restored(self) -> "Places":
        """What was made from a backup."""
        return Places(root=self.root / "restored")

    def backup(self, number: int) -> Path:
        return self.backups / str(number)
