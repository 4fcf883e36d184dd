"""Which tests share a process where several run at once (`pytest -n 2 --dist loadgroup`). A pytest plugin.

Those of a file stay together, and those that need the real engine are one group: it is started once, and
its adapters are trained once. That group takes longest, so it begins first.
"""

import pytest

ENGINE = frozenset({"real_engine", "service", "bundled_model", "toy_adapters"})


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group("engine" if _needs_engine(item) else item.path.name))
    items.sort(key=lambda item: not _needs_engine(item))  # stable: else as they are written


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Every process must give a test the same name, so that none is of bytes that change: an archive made
    for a test holds the time."""
    return f"{val[:8]!r}-{len(val)}" if isinstance(val, bytes) and len(val) > 40 else None


def _needs_engine(item: pytest.Item) -> bool:
    return item.get_closest_marker("engine") is not None or not ENGINE.isdisjoint(
        getattr(item, "fixturenames", ())
    )
