"""Two files are taken out of an upload; everything hostile in it is refused by name."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapter_archive import MAX_ENTRIES, MAX_TEXT_BYTES, unpack
from indexes.errors import InvalidAdapter, SimurghError, TooLarge
from tests.support import lora

GOOD = {lora.CONFIG: b"{}", lora.WEIGHTS: b"weights"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def take(out: Path, content: bytes, name: str = "adapter") -> dict[str, bytes]:
    unpack([(name, io.BytesIO(content))], out)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def refusal(out: Path, content: bytes, name: str = "adapter") -> str:
    with pytest.raises(InvalidAdapter) as caught:
        take(out, content, name)
    assert caught.value.param == "file"
    assert not list(out.parent.rglob("*evil*"))
    return caught.value.code


def tar_of(*members: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return content.getvalue()


@pytest.mark.parametrize("pack", [lora.zipped, lora.tarred])
@pytest.mark.parametrize("prefix", ["", "adapter/", "./", "a/b/c/"])
def test_the_two_files_are_kept_and_nothing_else(out: Path, pack: object, prefix: str) -> None:
    entries = {prefix + name: content for name, content in GOOD.items()}
    more = {prefix + "README.md": b"hello", prefix + "tokenizer.json": b"{}"}
    assert take(out, pack(entries | more)) == GOOD  # type: ignore[operator]


def test_two_single_files(out: Path) -> None:
    parts = [("my.safetensors", io.BytesIO(b"weights")), ("my.json", io.BytesIO(b"{}"))]
    unpack(parts, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == GOOD


@pytest.mark.parametrize("pack", [lora.zipped, lora.tarred])
@pytest.mark.parametrize(
    "path",
    ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "a\\..\\evil", "C:\\evil", "C:/evil", "a/C:/evil"],
)
def test_paths_out_of_the_folder(out: Path, pack: object, path: str) -> None:
    assert refusal(out, pack(GOOD | {path: b"x"})) == "unsafe_path"  # type: ignore[operator]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar(out: Path, kind: bytes) -> None:
    member = tarfile.TarInfo(lora.CONFIG)
    member.type, member.linkname = kind, "/etc/passwd"
    assert refusal(out, tar_of(member)) == "unsafe_path"


def test_a_link_in_a_zip(out: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        info = zipfile.ZipInfo(lora.CONFIG)
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert refusal(out, content.getvalue()) == "unsafe_path"


@pytest.mark.parametrize("name", ["adapter_model.bin", "x/optimizer.pt", "model.PTH", "a.pickle", "b.ckpt"])
@pytest.mark.parametrize("pack", [lora.zipped, lora.tarred])
def test_pickles(out: Path, pack: object, name: str) -> None:
    assert refusal(out, pack(GOOD | {name: b"\x80\x04"})) == "pickle_refused"  # type: ignore[operator]


def test_a_single_pickle(out: Path) -> None:
    assert refusal(out, b"\x80\x04K.", "adapter_model.bin") == "pickle_refused"


@pytest.mark.parametrize("missing", list(GOOD))
def test_a_missing_file_is_named(out: Path, missing: str) -> None:
    entries = {name: content for name, content in GOOD.items() if name != missing}
    with pytest.raises(InvalidAdapter, match=missing) as caught:
        take(out, lora.zipped(entries))
    assert caught.value.code == "incomplete_adapter"


@pytest.mark.parametrize("name", ["", ".", "README.md", "notes"])
def test_a_file_that_is_no_adapter(out: Path, name: str) -> None:
    assert refusal(out, b"hello", name) == "incomplete_adapter"


def test_an_empty_name_in_an_archive(out: Path) -> None:
    for name in (".", "./.", "a/"):
        assert refusal(out, lora.zipped({name: b"x"})) == "incomplete_adapter"


def test_a_file_twice(out: Path) -> None:
    assert refusal(out, lora.zipped(GOOD | {f"copy/{lora.CONFIG}": b"{}"})) == "incomplete_adapter"


def test_too_many_entries(out: Path) -> None:
    many = {f"f{number}": b"" for number in range(MAX_ENTRIES + 1)}
    for content in (lora.zipped(many), lora.tarred(many)):
        with pytest.raises(TooLarge, match="files"):
            take(out, content)


@pytest.mark.parametrize("pack", [lora.zipped, lora.tarred])
def test_a_bomb_is_stopped_at_its_limit(out: Path, pack: object) -> None:
    bomb = pack({lora.CONFIG: b"0" * (MAX_TEXT_BYTES * 20), lora.WEIGHTS: b""})  # type: ignore[operator]
    assert len(bomb) < MAX_TEXT_BYTES
    with pytest.raises(TooLarge, match=lora.CONFIG):
        take(out, bomb)
    assert sum(path.stat().st_size for path in out.iterdir()) <= MAX_TEXT_BYTES


def test_a_zip_that_lies_about_its_sizes(out: Path) -> None:
    content = bytearray(lora.zipped({lora.CONFIG: b"0" * (MAX_TEXT_BYTES * 3), lora.WEIGHTS: b""}))
    at = content.find((MAX_TEXT_BYTES * 3).to_bytes(4, "little"))
    while at >= 0:
        content[at : at + 4] = (10).to_bytes(4, "little")
        at = content.find((MAX_TEXT_BYTES * 3).to_bytes(4, "little"))
    with pytest.raises(SimurghError):
        take(out, bytes(content))
    assert sum(path.stat().st_size for path in out.iterdir()) <= MAX_TEXT_BYTES


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_tar_whose_extended_header_is_endless(out: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("header")
    member.type, member.size = kind, 64 << 20
    content = gzip.compress(member.tobuf() + bytes(member.size), 1)
    assert refusal(out, content) == "bad_archive"


def test_a_tar_that_says_it_is_huge(out: Path) -> None:
    member = tarfile.TarInfo("other")
    member.size = 1 << 40
    with pytest.raises(TooLarge):
        take(out, gzip.compress(member.tobuf(tarfile.GNU_FORMAT)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression(out: Path, method: int) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr(lora.CONFIG, "{}")
    assert refusal(out, content.getvalue()) == "bad_archive"


def test_an_encrypted_zip(out: Path) -> None:
    content = bytearray(lora.zipped(GOOD))
    content[6] |= 1  # of the first local header
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    assert refusal(out, bytes(content)) == "bad_archive"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([lora.zipped(GOOD), lora.tarred(GOOD)]), st.data())
def test_damage_is_never_our_fault(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(content)
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        damaged[at] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    try:
        take(tmp_path_factory.mktemp("out"), bytes(damaged))
    except (InvalidAdapter, TooLarge):
        return
