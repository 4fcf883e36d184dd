"""The pages that the torture writes."""

from collections import Counter

from tests.torture.engine import Recovered
from tests.torture.lane import Outcome
from tests.torture.points import POINTS
from tests.torture.report import engine_page, page


def test_every_point_of_every_victim_has_a_row() -> None:
    killed = Counter({("api", "bytes stored"): 3, ("worker", "any time"): 2, ("purge", "any time"): 1})
    outcome = Outcome(killed=killed, requests=Counter({"202": 9}), documents=4, chunks=20, gone=5)
    assert outcome.served == 5
    told = page({"sqlite": outcome}, seed="7")
    assert "- seed: 7" in told
    assert "| killed in all | 6 |" in told
    assert "| api | bytes stored | 3 |" in told
    assert "| requests: 202 | 9 |" in told
    for role, points in POINTS.items():
        assert all(f"| {role} | {point} |" in told for point in points)


def test_the_engine_s_page() -> None:
    engine = Recovered(killed=Counter({"core, in service": 3}), seconds=[9.0, 20.0, 11.0], limit=60.0)
    told = engine_page(engine)
    assert "| killed | 3 |" in told
    assert "| seconds until it answered again: median | 11.0 |" in told
    assert "60 seconds to be back" in told
