# Watertight with everything a night needs, for docker-compose.yml. Any image with Python 3.11 to 3.13, its venv module and bash serves as the base.
ARG BASE_IMAGE=python:3.12-slim
FROM ${BASE_IMAGE}

# 1000 writes; 1001 hands out the page. The folder's owner becomes the volume's.
RUN groupadd --gid 1000 watertight && useradd --uid 1000 --gid 1000 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin watertight \
    && groupadd --gid 1001 pages && useradd --uid 1001 --gid 1001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin pages \
    && install -d -m 0711 -o watertight -g watertight /var/lib/watertight

# The wheels of the lock and no others: a file whose hash is not in it ends the build. Compiled here, since nothing can be written later.
COPY requirements-uv.lock requirements.lock /opt/locks/
RUN python3 -m venv /opt/venv && python3 -m venv /tmp/uv \
    && /tmp/uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r /opt/locks/requirements-uv.lock \
    && UV_SYSTEM_CERTS=true /tmp/uv/bin/uv pip install --quiet --no-cache --compile-bytecode --python /opt/venv/bin/python \
        --require-hashes -r /opt/locks/requirements.lock \
    && rm -rf /tmp/uv

COPY . /opt/watertight
RUN /opt/venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable /opt/watertight \
    && /opt/venv/bin/pip uninstall --quiet --yes pip && /opt/venv/bin/python -m compileall -q /opt/watertight

ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp WATERTIGHT_HOME=/var/lib/watertight
WORKDIR /tmp
USER 1000:1000
VOLUME /var/lib/watertight
CMD ["watertight", "status"]
