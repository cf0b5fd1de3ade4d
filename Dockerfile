# Two images of one tree: `--target api` (no torch) and `--target worker`.
# docker build --target worker --build-arg TORCH_BUILD=cuda takes torch's CUDA build.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

FROM build AS build-api
COPY requirements-api.lock /tmp/
RUN pip install --no-deps --require-hashes -r /tmp/requirements-api.lock

FROM build AS build-worker
COPY requirements.lock /tmp/
RUN pip install --no-deps --require-hashes -r /tmp/requirements.lock
ARG TORCH_BUILD=cpu
# The index of torch's makers has the CPU build for Linux; the default index has the CUDA build.
RUN if [ "$TORCH_BUILD" = cpu ]; then \
        pip install --index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu; \
    else \
        pip install torch==2.13.0; \
    fi

FROM python:3.11-slim-bookworm AS base
# PYTHONSAFEPATH and PYTHONPATH: the tree's own `api` and `worker`, whatever is installed.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PREREAD_STORE_DIR=/var/lib/preread/store
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin preread \
    && install -d -o preread -g preread -m 0750 /var/lib/preread
WORKDIR /app
COPY LICENSE pyproject.toml ./
COPY migrations migrations
COPY preread preread
USER 10001:10001

FROM base AS api
COPY --from=build-api /opt/venv /opt/venv
COPY api api
ENV PREREAD_BIND_HOST=0.0.0.0 PREREAD_BIND_PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health/live', timeout=2)"]
CMD ["python", "-m", "api"]

FROM base AS worker
COPY --from=build-worker /opt/venv /opt/venv
COPY ml ml
COPY worker worker
# A worker that is asked to stop finishes its study first.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "worker"]
