"""The whole evaluation, part by part, over one data folder."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import models
from app.settings import Settings
from evaluation import answers, calibration, citations, follow_ups, injection, noise, refusal, retrieval, rgb
from evaluation.answers import OURS, Answered, Way, ask_all, chosen, ways
from evaluation.arms import arms
from evaluation.cases import TOP_K, Case, case_of, cases, passage_id
from evaluation.datasets import LANGUAGES, DataSet, load, sample, sampled
from evaluation.report import Report, Section, surroundings
from evaluation.signals import GATE, weigher
from evaluation.stage import Remembering, Stage, engine, started
from indexes.records import Collection

PARTS = ("retrieval", "follow-ups", "refusal", "answers", "citations", "injection")
READ = 200  # questions a kind that are read, where no sample is asked for
EVERY = 200  # passages between two reports of progress
ANSWERED = 100  # likewise, that are answered in each way
TRIALS = 30  # likewise, of each kind of attack

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    data: Path  # the public data sets
    folder: Path  # the service's data folder; what was ingested there before is no work
    sets: tuple[str, ...]
    parts: tuple[str, ...]
    sample: int | None  # questions a set and kind; None: all for retrieval, READ for what is read
    seed: int = 0
    all_titles: bool = False  # retrieval also over titles that weights were fitted on
    adapters: Mapping[str, Path] = field(default_factory=dict)  # name -> folder; these are asked too
    ways: tuple[str, ...] = ()  # to answer, of those that there are; none: all

    def asked(self) -> list[Way]:
        every = ways(list(self.adapters))
        return [one for one in every if not self.ways or one.name in self.ways]


def minutes(sets: Iterable[DataSet], options: Options) -> float:
    """A rough estimate; what was ingested into the folder before takes no time."""
    every = list(sets)
    reads = READ if options.sample is None else options.sample
    asked = ANSWERED if options.sample is None else options.sample
    languages = sum(data.name in LANGUAGES for data in every)
    seconds = sum({data.corpus: len(data.passages) for data in every}.values()) / 8
    if "retrieval" in options.parts:
        seconds += sum(min(options.sample or 10**9, len(data.answerable) // 5) for data in every) / 15
    if "follow-ups" in options.parts:
        seconds += languages * reads * 4 / 50
    if "refusal" in options.parts:
        seconds += languages * reads * 5 * 0.35
    if {"answers", "citations"} & set(options.parts):
        seconds += 60 + languages * asked * 1.5 * len(options.asked()) * 0.6
    if "injection" in options.parts:
        seconds += 60 + 20 * (TRIALS if options.sample is None else options.sample) * 0.6
    return seconds / 60


@dataclass
class Run:
    options: Options
    settings: Settings
    say: Say
    sets: dict[str, DataSet] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)

    def report(self) -> Report:
        return asyncio.run(self._report())

    async def _report(self) -> Report:
        options = self.options
        self.sets = {name: load(options.data, name) for name in options.sets}
        self._say(
            f"about {round(minutes(self.sets.values(), options))} minutes on two cores with nothing else"
        )
        embedder = Remembering(models.build_embedder(self.settings))
        sections: list[Section] = []
        async with started(self.settings, embedder) as stage:
            await asyncio.to_thread(self._ingest, stage)
            if "retrieval" in options.parts:
                sections.append(await asyncio.to_thread(self._retrieval, stage))
            if "follow-ups" in options.parts:
                sections += await asyncio.to_thread(self._follow_ups, stage)
            if "refusal" in options.parts:
                sections += await asyncio.to_thread(self._refusal, stage)
        if {"answers", "citations", "injection"} & set(options.parts):
            sections += await self._answers(embedder)
        facts = surroundings(
            seed=str(options.seed),
            sample="all" if options.sample is None else f"{options.sample} questions a set and kind",
            took=f"{(time.monotonic() - self.begun) / 60:.0f} minutes",
        )
        return Report(title="Evaluation", facts=facts, sections=tuple(sections))

    def _ingest(self, stage: Stage) -> None:
        for data in {data.corpus: data for data in self.sets.values()}.values():
            self._say(f"ingesting {data.corpus}: {len(data.passages)} passages")
            stage.ingest(data.corpus, data.passages, progress=self._progress)

    def _retrieval(self, stage: Stage) -> Section:
        options = self.options
        found = []
        for data in self.sets.values():
            questions = sampled(
                [one for one in data.answerable if options.all_titles or one.part == "test"],
                options.sample,
                seed=options.seed,
            )
            self._say(f"retrieval, {data.name}: {len(questions)} questions")
            stage.embedder.learn(question.text for question in questions)
            found.append(retrieval.measure(data, questions, arms(stage, stage.collection(data.corpus))))
        stage.embedder.forget()
        titles = "all titles, fitted ones too," if options.all_titles else "the `test` titles"
        return retrieval.section(found, seed=options.seed, titles=titles)

    def _follow_ups(self, stage: Stage) -> list[Section]:
        count = READ if self.options.sample is None else self.options.sample
        rows = []
        for name in (one for one in LANGUAGES if one in self.sets):
            self._say(f"follow-up questions, {name}")
            collection = stage.collection(name)

            def search(queries: Sequence[str], collection: Collection = collection) -> list[list[str]]:
                stage.embedder.learn(queries)
                found = [stage.search(collection, query, top_k=2 * TOP_K) for query in queries]
                return [list(dict.fromkeys(map(passage_id, hits))) for hits in found]

            rows.append(
                follow_ups.measure(self.sets[name], search, count=count, seed=self.options.seed, k=TOP_K)
            )
        stage.embedder.forget()
        return [follow_ups.section(rows)] if rows else []

    def _refusal(self, stage: Stage) -> list[Section]:
        options = self.options
        weigh = weigher(self.settings)
        count = READ if options.sample is None else options.sample
        found: dict[str, Sequence[Case]] = {}
        for name in LANGUAGES:
            if name in self.sets:
                self._say(f"refusal, {name}")
                data = self.sets[name]
                some = cases(stage, stage.collection(name), data, weigh, count=count, seed=options.seed)
                found[name] = list(some)
        for language in rgb.FILES:
            if language in self.sets:
                found[f"RGB {language}"] = self._noise(stage, language, count)
        if not found:
            return []
        return [
            refusal.section(found, seed=options.seed),
            calibration.section(found, signal=GATE),
        ]

    async def _answers(self, embedder: Remembering) -> list[Section]:
        """Every way over the same questions; the engine goes on while services around it come and go."""
        options, found, checked, noisy = self.options, [], [], []
        hostile: list[Section] = []
        count = ANSWERED if options.sample is None else options.sample
        whole = {"answers", "citations"} & set(options.parts)
        self._say("starting the engine")
        async with engine(self.settings) as parts:
            for way in options.asked():
                bare, served = (
                    way.name == ways(())[0].name,
                    way.name == OURS or way.adapter in options.adapters,
                )
                async with started(way.of(self.settings), embedder, way.parts(parts)) as stage:
                    if way.adapter is not None and way.adapter in options.adapters:
                        await stage.add_adapter(way.adapter, options.adapters[way.adapter])
                    for name in (one for one in LANGUAGES if one in self.sets and whole):
                        self._say(f"answers, {name}, {way.name}")
                        found.append(await self._answered(stage, way, self.sets[name], count))
                        checked.append(await citations.check(stage, found[-1]))
                    for language in rgb.FILES if (bare or served) and "answers" in options.parts else ():
                        if language in self.sets:
                            self._say(f"noise, {language}, {way.name}")
                            noisy.append(await self._among_noise(stage, way, language, count))
                    if served and "injection" in options.parts:
                        self._say(f"injection, {way.name}")
                        hostile.append(await self._injection(stage, way))
        sections = []
        if "answers" in options.parts:
            sections += [answers.section(found, seed=options.seed), noise.section(noisy, seed=options.seed)]
        if "citations" in options.parts:
            sections.append(citations.section(checked))
        return sections + hostile

    async def _answered(self, stage: Stage, way: Way, data: DataSet, count: int) -> Answered:
        yes, no = chosen(data, count, seed=self.options.seed)
        return Answered(
            way=way,
            data=data,
            replies=await ask_all(stage, yes, collection=data.corpus, adapter=way.adapter),
            others=await ask_all(stage, no, collection=data.corpus, adapter=way.adapter),
        )

    async def _among_noise(self, stage: Stage, way: Way, language: str, count: int) -> noise.Noisy:
        return await noise.measure(
            stage, self.options.data, language, way, count=count, seed=self.options.seed
        )

    async def _injection(self, stage: Stage, way: Way) -> Section:
        ask = injection.OverHttp(stage, adapter=way.adapter)
        count = TRIALS if self.options.sample is None else self.options.sample
        measured = await injection.measure(
            ask, self.options.data, count=count, seed=self.options.seed, prepare=ask.prepare
        )
        made = injection.section(measured)
        return replace(made, title=f"{made.title}, {way.name}")

    def _noise(self, stage: Stage, language: str, count: int) -> list[Case]:
        self._say(f"refusal, RGB {language}")
        weigh = weigher(self.settings)
        asked = sample(
            rgb.noise_only(self.options.data, language), count, seed=self.options.seed, key=lambda one: one.id
        )
        collection = stage.ingest(
            f"rgb-{language}",
            [passage for one in asked for passage in one.passages],
            metadata=lambda passage: {rgb.FIELD: passage.title},
        )
        found = []
        for one in asked:
            filters = {f"metadata.{rgb.FIELD}": [one.scope]}
            hits = stage.service.retrieval.search(collection, one.text, top_k=TOP_K, filters=filters)
            found.append(case_of("noise only", "test", one.text, hits, weigh, holds=False))
        return found

    def _progress(self, name: str, done: int, total: int) -> None:
        if done % EVERY == 0:
            self._say(f"ingesting {name}: {done} of {total}")

    def _say(self, what: str) -> None:
        self.say(f"{time.monotonic() - self.begun:6.0f} s  {what}")
