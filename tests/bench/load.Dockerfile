# The load as an image: the services' runtime, locust, and the packages of which `shop_bench.load` imports a part.
# The context has requirements.txt and src (shop_bench.load.pod makes it); BUILDER is BASE with uv or pip in it.
ARG BUILDER
ARG RUNTIME

FROM ${BUILDER} AS dependencies
ARG UV_VERSION=0.13.8
ARG SSL_CERT_FILE
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
RUN command -v uv >/dev/null || pip install --quiet --no-cache-dir "uv==${UV_VERSION}"
COPY requirements.txt /requirements.txt
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN uv pip install --quiet --target /opt/load/venv --python "$(command -v python3)" --no-deps --require-hashes -r /requirements.txt

FROM ${RUNTIME}
COPY --from=dependencies /opt/load/venv /opt/load/venv
COPY src /opt/load/src
ENV PYTHONPATH=/opt/shop/src:/opt/load/src:/opt/load/venv
ENTRYPOINT ["python", "-m", "shop_bench.load"]
CMD ["--help"]
