"""Prometheus metrics of one service."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.asking import Answer
from indexes.figures import Figures

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "simurgh_http_requests",
            "Requests by route and status",
            ["route", "status"],
            registry=self._registry,
        )
        self.answers = Counter(
            "simurgh_answers", "Answers by outcome", ["outcome", "adapter"], registry=self._registry
        )
        self.tokens = Counter("simurgh_tokens", "Tokens by kind", ["kind"], registry=self._registry)
        self.retrieve = Histogram(
            "simurgh_retrieve_seconds", "Time to retrieve", buckets=SECONDS, registry=self._registry
        )
        self.first_token = Histogram(
            "simurgh_first_token_seconds", "Time to first token", buckets=SECONDS, registry=self._registry
        )
        self.total = Histogram(
            "simurgh_answer_seconds", "Time to the whole answer", buckets=SECONDS, registry=self._registry
        )
        self.queue_depth = Gauge(
            "simurgh_queue_depth", "Documents waiting or in work", registry=self._registry
        )
        self.queue_age = Gauge(
            "simurgh_queue_oldest_seconds", "Age of the oldest of them", registry=self._registry
        )
        self.documents = Gauge("simurgh_documents", "Documents that answer", registry=self._registry)
        self.chunks = Gauge("simurgh_chunks", "Passages that answer", registry=self._registry)
        self.versions = Gauge(
            "simurgh_versions", "Versions of documents by status", ["status"], registry=self._registry
        )
        self.failures = Gauge(
            "simurgh_failed_versions", "Failed versions by reason", ["reason"], registry=self._registry
        )
        self.failing_sources = Gauge(
            "simurgh_failing_sources", "Sources whose last pull failed", registry=self._registry
        )
        self.pages_per_second = Gauge(
            "simurgh_ingested_pages_per_second",
            "Pages brought to answer, over the last five minutes",
            registry=self._registry,
        )
        self.disk_free = Gauge(
            "simurgh_disk_free_bytes", "Free space of the data folder", registry=self._registry
        )
        self.memory = Gauge(
            "simurgh_memory_bytes",
            "Memory of the service and the engine that it started",
            registry=self._registry,
        )
        self.engine_up = Gauge("simurgh_engine_up", "1 while the engine answers", registry=self._registry)
        self.engine_restarts = Gauge(
            "simurgh_engine_restarts", "Times the engine was restarted", registry=self._registry
        )

    def record(self, answer: Answer) -> None:
        outcome = answer.reason or "answered"
        self.answers.labels(outcome, answer.adapter.name if answer.adapter else "base").inc()
        self.tokens.labels("prompt").inc(answer.prompt_tokens)
        self.tokens.labels("completion").inc(answer.completion_tokens)
        self.retrieve.observe(answer.timings.retrieve / 1000)
        self.first_token.observe(answer.timings.first_token / 1000)
        self.total.observe(answer.timings.total / 1000)

    def store(self, found: Figures) -> None:
        self.documents.set(found.documents)
        self.chunks.set(found.chunks)
        self.failing_sources.set(found.failing_sources)
        self.pages_per_second.set(found.pages_per_second)
        for gauge, counts in ((self.versions, found.versions), (self.failures, found.failures)):
            gauge.clear()  # of what there is no more
            for label, count in counts.items():
                gauge.labels(label).set(count)

    def exposition(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)
