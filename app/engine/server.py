"""The engine's process: ``python -m app.engine.server --socket PATH --config JSON``.

An ``AsyncLLM`` behind a small ASGI app on a Unix domain socket, that nobody but the service may
reach. It dies with its parent (who holds its stdin) and takes its whole process group along, and it
exits with a status other than 0 as soon as vLLM's core is dead: restarting is the parent's task.

    POST /generate   {request_id, messages, adapter?, max_tokens, temperature, stop, schema?} -> NDJSON deltas
    POST /adapters   {name, number, folder} -> {} or 422 with the reason
    POST /logprobs   {ids, adapter?} -> {logprobs}, of each token but the first
    GET  /health     {"running": n} while the core is alive
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from app.engine.config import EngineConfig
from app.engine.orphans import die_with_parent, stop_with_parent
from app.engine.plugin import LEADER

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

    from app.engine.serving import Serving

STAGE = "simurgh-engine: "  # the parent shows lines that begin so
DEAD_CORE = 70  # exit status
_started = time.monotonic()


def stage(text: str) -> None:
    print(f"{STAGE}{text} ({time.monotonic() - _started:.1f} s)", file=sys.stderr, flush=True)  # noqa: T201


def dtype_of(config: EngineConfig, *, on_gpu: bool) -> str:
    """On a CPU float32: rounded to bf16, an answer depends on what else is in its batch."""
    if config.dtype != "auto":
        return config.dtype
    return "bfloat16" if on_gpu else "float32"


def build_engine(config: EngineConfig) -> Any:
    """The AsyncLLM; blocks until the core has loaded the model."""
    import torch
    from vllm.config import StructuredOutputsConfig
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    stage("libraries loaded")
    on_gpu = config.device != "cpu" and torch.cuda.is_available()
    if config.device == "cuda" and not on_gpu:
        raise RuntimeError("SIMURGH_DEVICE=cuda, but no CUDA device was found")
    common: dict[str, Any] = {
        "model": config.model,
        "dtype": dtype_of(config, on_gpu=on_gpu),
        "max_model_len": config.max_model_len,
        "max_num_seqs": config.max_seqs,
        "enable_lora": True,
        "max_loras": config.max_loras,
        "max_cpu_loras": config.adapters_in_memory,
        "max_lora_rank": config.max_lora_rank,
        "enable_prefix_caching": True,
        "seed": config.seed,
        "disable_log_stats": True,
        "generation_config": "vllm",
        # One backend, so that what it refuses is refused; a small model may write white space without an end.
        "structured_outputs_config": StructuredOutputsConfig(backend="xgrammar", disable_any_whitespace=True),
    }
    if on_gpu:
        arguments = AsyncEngineArgs(**common, gpu_memory_utilization=config.gpu_memory_utilization)
    else:
        arguments = AsyncEngineArgs(**common, enforce_eager=True, max_num_batched_tokens=2048, block_size=32)
    vllm_config = arguments.create_engine_config()
    if not on_gpu:
        # vLLM insists on `spawn`, which imports everything once more. Nothing here has used OpenMP or
        # started a thread but the parent's watch, so forking is safe and saves that time.
        os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "fork"
        os.register_at_fork(after_in_child=die_with_parent)
    stage("starting the core")
    return AsyncLLM.from_vllm_config(vllm_config, disable_log_stats=True)


def build_app(serving: "Serving") -> "Starlette":
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route

    from app.engine.serving import Refused

    def refusal(error: Refused) -> Response:
        return JSONResponse({"code": error.code, "message": error.message}, status_code=error.status)

    async def generate(request: "Request") -> Response:
        try:
            deltas = await serving.generate(await request.json())
        except Refused as error:
            return refusal(error)

        async def lines() -> AsyncIterator[bytes]:
            async for delta in deltas:
                yield json.dumps(delta).encode() + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def adapters(request: "Request") -> Response:
        body = await request.json()
        try:
            await serving.add_adapter(body["name"], body["number"], body["folder"])
        except Refused as error:
            return refusal(error)
        return JSONResponse({})

    async def logprobs(request: "Request") -> Response:
        try:
            return JSONResponse({"logprobs": await serving.logprobs(await request.json())})
        except Refused as error:
            return refusal(error)

    async def health(request: "Request") -> Response:
        return JSONResponse({"running": serving.running})

    return Starlette(
        routes=[
            Route("/generate", generate, methods=["POST"]),
            Route("/adapters", adapters, methods=["POST"]),
            Route("/logprobs", logprobs, methods=["POST"]),
            Route("/health", health),
        ]
    )


async def watch_core(engine: Any) -> None:
    while True:
        await asyncio.sleep(0.2)
        if engine.errored:
            stage("the core died")
            os._exit(DEAD_CORE)  # no clean-up can be trusted now; the parent kills the group


async def serve(socket: str, config: EngineConfig) -> None:
    import uvicorn

    from app.engine.serving import Serving

    engine = build_engine(config)
    watch = asyncio.create_task(watch_core(engine))
    app = build_app(Serving(engine, config))
    server = uvicorn.Server(
        uvicorn.Config(app, uds=socket, log_level="warning", lifespan="off", access_log=False)
    )
    stage("ready")
    try:
        await server.serve()
    finally:
        watch.cancel()
        engine.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description="Simurgh's engine process; the service starts it.")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--config", required=True)
    arguments = parser.parse_args()
    os.environ[LEADER] = str(os.getpid())
    stop_with_parent()
    stage("starting")
    asyncio.run(serve(arguments.socket, EngineConfig.from_json(arguments.config)))


if __name__ == "__main__":
    main()
