# The server alone: built in one stage, run in another by somebody who may do nothing else.
FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package anteroom

FROM debian:trixie-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/anteroom --create-home anteroom
COPY --from=build /src/target/release/anteroom /usr/local/bin/anteroom
USER anteroom
WORKDIR /var/lib/anteroom
ENV ANTEROOM_SERVER__LISTEN=0.0.0.0:8080 ANTEROOM_SERVER__DATA_DIR=/var/lib/anteroom
EXPOSE 8080
# Told to stop it ends its sessions in words; `server.shutdown_grace` must stay below what Docker allows (10 s).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["anteroom", "healthcheck"]
ENTRYPOINT ["anteroom"]
