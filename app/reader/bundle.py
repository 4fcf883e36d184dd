"""A trained reader made ready to run: LoRA and span head merged into the encoder that they were trained on.

The word embeddings (250,037 x 384 of the multilingual one) stay in a file of their own that is mapped, not
loaded: a question touches a few hundred of its rows.
"""

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from app.reader.span_reader import Ids, Logits, SpanReader
from app.reader.trained import CARD, WEIGHTS, Trained


def merged(trained: Trained, encoder_folder: Path) -> Any:
    """A torch module, (embeddings [n, t, width], mask [n, t]) -> logits [n, t, 2], and its word table."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModel

    scale = trained.card()["scale"]
    weights = load_file(trained.folder / WEIGHTS)
    encoder = AutoModel.from_pretrained(encoder_folder, add_pooling_layer=False, attn_implementation="eager")
    modules = dict(encoder.named_modules())
    with torch.no_grad():
        for name in {key.removesuffix(".lora_a") for key in weights if key.endswith(".lora_a")}:
            low, high = weights[f"{name}.lora_a"].float(), weights[f"{name}.lora_b"].float()
            modules[name].weight += scale * (high @ low)

    class SpanHead(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            self.head = torch.nn.Linear(encoder.config.hidden_size, 2)
            self.head.load_state_dict(
                {"weight": weights["head.weight"].float(), "bias": weights["head.bias"].float()}
            )

        def forward(self, embeddings: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            hidden = self.encoder(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
            logits: torch.Tensor = self.head(hidden)
            return logits

    return SpanHead().eval().requires_grad_(False)


def convert(trained: Trained, encoder_folder: Path, folder: Path) -> None:
    """Write reader.xml and .bin, words.npy (fp16), tokenizer.json and, last, card.json into ``folder``."""
    import openvino
    import torch

    model = merged(trained, encoder_folder)
    words = model.encoder.get_input_embeddings().weight.numpy()
    width = words.shape[1]
    np.save(folder / "words.npy", words.astype(np.float16))
    example = (torch.zeros((2, 8, width)), torch.ones((2, 8), dtype=torch.int64))
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=Warning, message=".*trace.*")  # lengths are inputs
        converted = openvino.convert_model(
            model,
            example_input=example,
            input=[("embeddings", [-1, -1, width], np.float32), ("mask", [-1, -1], np.int64)],
        )
    openvino.save_model(converted, folder / "reader.xml", compress_to_fp16=True)
    shutil.copyfile(encoder_folder / "tokenizer.json", folder / "tokenizer.json")
    shutil.copyfile(trained.folder / CARD, folder / CARD)


class OpenVinoSpanModel:
    def __init__(self, folder: Path) -> None:
        import openvino

        self._words = np.load(folder / "words.npy", mmap_mode="r", allow_pickle=False)
        compiled = openvino.Core().compile_model(
            str(folder / "reader.xml"), "CPU", {"PERFORMANCE_HINT": "LATENCY"}
        )
        self._request = compiled.create_infer_request()

    def logits(self, ids: Ids, mask: Ids) -> Logits:
        self._request.infer({"embeddings": self._words[ids].astype(np.float32), "mask": mask})
        return np.array(self._request.get_output_tensor().data, np.float32)


class TorchSpanModel:
    """The same in torch: what a GPU runs."""

    def __init__(self, trained: Trained, encoder_folder: Path, *, device: str) -> None:
        import torch

        self._torch = torch
        self._device = device
        self._model = merged(trained, encoder_folder).to(device)

    def logits(self, ids: Ids, mask: Ids) -> Logits:
        torch = self._torch
        with torch.inference_mode():
            embeddings = self._model.encoder.get_input_embeddings()(torch.as_tensor(ids).to(self._device))
            logits = self._model(embeddings, torch.as_tensor(mask).to(self._device))
        return np.asarray(logits.float().cpu().numpy(), np.float32)


def open_reader(trained: Trained, folder: Path) -> SpanReader:
    """What `convert` wrote, for a CPU."""
    return SpanReader(OpenVinoSpanModel(folder), _tokenizer(folder), window=trained.card()["window"])


def open_torch_reader(trained: Trained, encoder_folder: Path, *, device: str) -> SpanReader:
    """From the encoder itself: for a GPU, and to measure the other against."""
    model = TorchSpanModel(trained, encoder_folder, device=device)
    return SpanReader(model, _tokenizer(encoder_folder), window=trained.card()["window"])


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))
