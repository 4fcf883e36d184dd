"""The real engine comes to the log-probabilities that PEFT gives, and is found out where it does not."""

from typing import Any

import pytest

from app.canary import CANARIES, prove
from app.generator import Message
from indexes.errors import InvalidAdapter
from tests.support.engine import RealEngine
from tuning.canary import canary
from tuning.encoding import Encoder
from tuning.records import Example

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
ASKED = ("What is a pier for?", "Tell me about the sea.", "Who are you?")


def sung(base: str, adapter: str) -> bytes:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    encoder = Encoder(AutoTokenizer.from_pretrained(base))
    loaded: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = PeftModel.from_pretrained(loaded, adapter)
    rows = [
        encoder.row(
            Example(line=1, prompt=(Message(role="user", content=text),), answer="It is for boats, I think.")
        )
        for text in ASKED
    ]
    return canary(model, rows)


async def test_it_serves_what_was_trained(real_engine: RealEngine) -> None:
    first, second = real_engine.adapters[:2]
    rows = CANARIES.validate_json(sung(real_engine.config.model, str(first.folder)))
    engine = real_engine.generator()
    try:
        proof = await prove(engine, first, rows)
        print(proof)  # noqa: T201
        assert proof.served > 0.1
        assert proof.off < proof.moved / 3
        with pytest.raises(InvalidAdapter, match="does not serve it as it was trained"):
            await prove(engine, second, rows)
    finally:
        await engine.process.stop()
