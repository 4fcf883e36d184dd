"""`python -m bench.api`: the real API in a process of its own, but for the engine, which nobody asks here."""

import uvicorn

from app import logs
from app.api.application import create_application
from app.compose import build_service
from app.settings import Settings
from app.supervisor import stop_with_supervisor
from evaluation.stage import silent_generator


def main() -> None:
    settings = Settings()
    logs.configure()
    stop_with_supervisor()
    application = create_application(settings, lambda: build_service(settings, parts=silent_generator()))
    config = uvicorn.Config(
        application, host=settings.host, port=settings.port, log_level="warning", access_log=False
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
