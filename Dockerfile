# The page and the service. For an NVIDIA GPU: docker compose -f compose.yaml -f compose.cuda.yaml up
FROM python:3.12-slim AS build
ARG TORCH=https://download.pytorch.org/whl/cpu
WORKDIR /build
RUN python -m venv /opt/impasto
ENV PATH=/opt/impasto/bin:$PATH PIP_NO_CACHE_DIR=1
RUN pip install --index-url "$TORCH" "torch<2.14"
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY src src
# hadolint ignore=DL3013
RUN pip install '.[web,video,heic,mcp]'

FROM python:3.12-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin impasto
COPY --from=build /opt/impasto /opt/impasto
# Nothing but /tmp can be written, where a read-only container has a file system in memory.
ENV PATH=/opt/impasto/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOME=/tmp IMPASTO_CACHE=/tmp/cache
USER 10001
EXPOSE 8400
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8400/healthz', timeout=4)"]
ENTRYPOINT ["impasto", "serve", "--host", "0.0.0.0"]
