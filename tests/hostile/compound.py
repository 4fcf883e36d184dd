"""Compound files (OLE2), as Outlook's messages and old Office files are: only as much as the tests need."""

import struct

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
MINI_CUTOFF = 4096


def compound(streams: dict[str, bytes]) -> bytes:
    """One storage; each stream is padded, so that none is a small one."""
    chains: list[tuple[int, bytes]] = []
    sectors = 1  # the first holds the table itself
    for content in streams.values():
        padded = content.ljust(MINI_CUTOFF, b"\0")
        padded += b"\0" * (-len(padded) % SECTOR)
        chains.append((sectors, padded))
        sectors += len(padded) // SECTOR
    directory_at = sectors
    entries = [_entry("Root Entry", 5, END, 0, child=1)]
    for number, (name, (start, content)) in enumerate(zip(streams, chains, strict=True), 1):
        following = number + 1 if number < len(streams) else FREE
        entries.append(_entry(name, 2, start, len(content), right=following))
    directory = b"".join(entries)
    directory += b"\0" * (-len(directory) % SECTOR)
    table = [FAT]
    for _, content in [*chains, (directory_at, directory)]:
        count = len(content) // SECTOR
        table += [len(table) + step + 1 for step in range(count - 1)] + [END]
    table += [FREE] * (SECTOR // 4 - len(table))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII",
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\0" * 16, 0x3E, 3, 0xFFFE, 9, 6, b"\0" * 6, 0, 1),
        *(directory_at, 0, MINI_CUTOFF, END, 0, END, 0, 0),
    )
    header += struct.pack("<108I", *[FREE] * 108)
    return header + struct.pack(f"<{len(table)}I", *table) + b"".join(c for _, c in chains) + directory


def _entry(name: str, kind: int, start: int, size: int, *, right: int = FREE, child: int = FREE) -> bytes:
    written = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        written,
        len(written),
        kind,
        1,
        FREE,
        right,
        child,
        b"\0" * 16,
        0,
        0,
        0,
        start,
        size,
    )
