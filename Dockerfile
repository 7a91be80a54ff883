# For people who have a container engine; `make image` makes the same image without one.
#   docker build -t modelport .
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/target \
    CARGO_TARGET_DIR=/target cargo build --release --locked --bins && cp /target/release/modelport /modelport && install -d /data

# glibc, its loader and the certificates; no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /modelport /usr/bin/modelport
COPY --from=build --chown=65532:65532 --chmod=0750 /data /data
COPY LICENSE /usr/share/doc/modelport/LICENSE
ENV MODELPORT__SERVER__LISTEN=0.0.0.0:8080 \
    MODELPORT__SERVER__GRPC_LISTEN=0.0.0.0:9090 \
    MODELPORT__SERVER__EDGE_LISTEN=0.0.0.0:8111 \
    MODELPORT__DATA__DIR=/data
EXPOSE 8080 9090 8111
VOLUME /data
WORKDIR /data
USER 65532:65532
ENTRYPOINT ["/usr/bin/modelport"]
CMD ["serve"]
