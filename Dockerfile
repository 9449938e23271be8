# docker build -t tianji . && docker run -p 4000:4000 -v ./proxy_config.yaml:/etc/tianji/config.yaml tianji --config /etc/tianji/config.yaml
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY proxy ./proxy
RUN python -m venv /opt/tianji && /opt/tianji/bin/pip install --no-cache-dir -c constraints.txt '.[oidc,redis]'

FROM python:3.11-slim
COPY --from=build /opt/tianji /opt/tianji
RUN useradd --system --home-dir /var/lib/tianji --create-home tianji
USER tianji
WORKDIR /var/lib/tianji
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK CMD ["/opt/tianji/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4000/health/readiness')"]
ENTRYPOINT ["/opt/tianji/bin/tianji", "serve", "--host", "0.0.0.0"]
