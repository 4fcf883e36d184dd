"""The one error tree of Simurgh; it knows nothing of HTTP.

    SimurghError
    ├── NotFound
    │   ├── CollectionNotFound
    │   ├── DocumentNotFound
    │   ├── JobNotFound
    │   ├── SourceNotFound
    │   ├── AdapterNotFound
    │   ├── TrainingFileNotFound
    │   └── TuningNotFound
    ├── InvalidRequest
    │   ├── InvalidAdapter
    │   ├── InvalidTrainingFile
    │   ├── TooFewExamples
    │   └── WindowExceeded
    ├── TooLarge
    ├── Conflict
    │   ├── AlreadyExists
    │   ├── EmbedderMismatch
    │   │   └── Reembedded
    │   └── AdapterNotReady
    ├── Unauthorized
    ├── Forbidden
    ├── UnreadableDocument
    ├── FetchFailed
    │   └── FetchRefused
    ├── StorageFull
    ├── TrainingFailed
    ├── UpstreamFailed
    └── Unavailable
        ├── QueueFull
        ├── EngineUnavailable
        ├── IndexUnavailable
        └── SiteUnavailable

`app/api/errors.py` holds the one table from these classes to HTTP statuses, searched along the
class's MRO; a test fails for a class that the table does not reach. Vendor errors are translated
once, at the edge where they arise, with ``raise ... from``.
"""

from indexes.records import EmbedderIdentity


class SimurghError(Exception):
    """Base of all errors that a user may see.

    ``code`` is a snake_case name that clients switch on, ``message`` says what is wrong and how to
    mend it, ``param`` names the offending field of the request, if one is to blame.
    """

    code = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code


class NotFound(SimurghError):
    code = "not_found"


class CollectionNotFound(NotFound):
    code = "collection_not_found"


class DocumentNotFound(NotFound):
    code = "document_not_found"


class JobNotFound(NotFound):
    code = "job_not_found"


class SourceNotFound(NotFound):
    code = "source_not_found"


class AdapterNotFound(NotFound):
    code = "adapter_not_found"


class TrainingFileNotFound(NotFound):
    code = "file_not_found"


class TuningNotFound(NotFound):
    code = "tuning_not_found"


class InvalidRequest(SimurghError):
    code = "invalid_request"


class InvalidAdapter(InvalidRequest):
    """An uploaded adapter that the engine must never hear of; ``code`` says which rule it broke."""

    code = "invalid_adapter"


class InvalidTrainingFile(InvalidRequest):
    """Training data that cannot be used; the message names the lines."""

    code = "invalid_training_file"


class TooFewExamples(InvalidRequest):
    """Fewer examples than a tuning is likely to gain from."""

    code = "too_few_examples"


class WindowExceeded(InvalidRequest):
    """The question alone does not fit the model's context window."""

    code = "question_too_long"


class TooLarge(SimurghError):
    code = "too_large"


class Conflict(SimurghError):
    code = "conflict"


class AlreadyExists(Conflict):
    code = "already_exists"


class EmbedderMismatch(Conflict):
    """A collection was embedded by a model that this process does not know."""

    code = "embedder_mismatch"


class Reembedded(EmbedderMismatch):
    """A collection is no longer embedded by the model that was reckoned with; ``now`` is its present one."""

    def __init__(self, message: str, *, now: EmbedderIdentity, param: str | None = "collection") -> None:
        super().__init__(message, param=param)
        self.now = now


class AdapterNotReady(Conflict):
    code = "adapter_not_ready"


class Unauthorized(SimurghError):
    code = "unauthorized"


class Forbidden(SimurghError):
    code = "forbidden"


class UnreadableDocument(SimurghError):
    """A document that fails alone; ``code`` is its reason (``encrypted_pdf``, ``no_text``, ...)."""

    code = "unreadable_document"


class FetchFailed(SimurghError):
    """``status`` is what the server answered with, if it did."""

    code = "fetch_failed"

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.status = status


class FetchRefused(FetchFailed):
    """An address that this service must not connect to."""

    code = "fetch_refused"


class StorageFull(SimurghError):
    code = "storage_full"


class TrainingFailed(SimurghError):
    """A training that began and came to nothing; ``code`` says how."""

    code = "training_failed"


class UpstreamFailed(SimurghError):
    """A remote model server answered with an error that a retry will not mend."""

    code = "upstream_failed"


class Unavailable(SimurghError):
    """Not now, but soon: ``retry_after`` is in seconds."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 5, param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.retry_after = retry_after


class QueueFull(Unavailable):
    """As many documents wait as may: there is room when some of them have ended."""


class EngineUnavailable(Unavailable):
    code = "engine_unavailable"


class IndexUnavailable(Unavailable):
    code = "index_unavailable"


class SiteUnavailable(Unavailable):
    """A web site that is to be crawled cannot be reached, or is not to be read, for the moment."""

    code = "site_unavailable"
